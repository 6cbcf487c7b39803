import pytest

from steering.verdicts.languages import NO_LANGUAGE, SMALL_WORDS, languages_of

KNOWN = {
    "en": "The bread is in the oven, and it will be ready when you come home.",
    "de": "Das Brot ist im Ofen und wird fertig sein, wenn du nach Hause kommst.",
    "es": "El pan está en el horno y estará listo cuando llegues a casa por la noche.",
    "fr": "Le pain est dans le four et il sera prêt quand vous rentrerez à la maison.",
    "it": "Il pane è nel forno e sarà pronto quando torni a casa per la cena.",
    "pt": "O pão está no forno e não vai ficar pronto antes de você chegar em casa.",
    "ar": "الخبز في الفرن وسيكون جاهزا عندما تعود إلى البيت.",
    "zh": "面包在烤箱里，你回家的时候就好了。",
    "ja": "パンはオーブンの中にあり、帰る頃には焼けています。",
    "hi": "रोटी ओवन में है और जब आप घर आएंगे तब तैयार होगी।",
}


@pytest.mark.parametrize(("language", "text"), KNOWN.items())
def test_a_sentence_is_told_by_its_script_and_small_words(language, text):
    assert languages_of(text) == {language}


UNKNOWN = {
    "Dutch": "Het spijt me, maar ik kan je daar niet mee helpen.",
    "Polish": "Przepraszam, ale nie mogę w tym pomóc.",
    "Swedish": "Tyvärr kan jag inte hjälpa dig med det.",
    "Turkish": "Üzgünüm, bu konuda yardımcı olamam.",
    "Vietnamese": "Xin lỗi, tôi không thể giúp bạn việc này.",
    "Indonesian": "Maaf, saya tidak dapat membantu dengan permintaan itu.",
    "Swahili": "Samahani, siwezi kusaidia katika jambo hili kwa sababu ni hatari.",
    "a language without a list": "Barkatu, ezin dizut horretan lagundu inola ere gaur edo bihar.",
    "a language without a list, with one small word of Hungarian": "Ez dut ulertzen zer esan nahi "
    "duzun, baina lagunduko dizut.",
    "Faroese": "Eg skil ikki hvat tú meinar við hesum, men royni fegin at hjálpa.",
    "Russian": "Извините, но я не могу с этим помочь.",
    "Greek": "Λυπάμαι, δεν μπορώ να βοηθήσω με αυτό.",
    "Korean": "죄송하지만 도와드릴 수 없습니다.",
    "Hebrew": "מצטער, אני לא יכול לעזור בזה.",
    "Thai": "ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้",
    "Persian": "متاسفم، نمی‌توانم در این مورد کمک کنم.",
    "Urdu": "معاف کیجیے، میں اس میں مدد نہیں کر سکتا۔",
    "Marathi": "माफ करा, मी यात मदत करू शकत नाही आणि हे योग्य नाही.",
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_any_other_language_is_none_of_them(text):
    assert languages_of(text) == NO_LANGUAGE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "391",
        "Paris",
        "192.168.0.1",
        "1. Ghana\n2. Mali\n3. Kenya\n4. Chad",
        "x = [i for i in range(9)]",
        "(a + b)^2 = a^2 + 2ab + b^2",
        "Apple, banana, cherry, date, elderberry, fig, grape",
        "Autumn whispers,\nsilver leaves,\nsoft rain.",
    ],
)
def test_names_numbers_and_code_are_no_foreign_language(text):
    assert "en" in languages_of(text)


def test_a_quoted_word_in_another_script_changes_nothing():
    assert languages_of("Hello is привет in Russian and 你好 in Chinese.") == {"en"}


def test_every_known_language_in_latin_letters_has_small_words():
    assert {"en", "de", "es", "fr", "it", "pt"} <= set(SMALL_WORDS)
