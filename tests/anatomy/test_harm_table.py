from steering.anatomy import harm_table


def test_tables_say_every_number_with_its_interval(measured):
    shown = harm_table.markdown(measured)
    assert shown.count("| harm |") + shown.count("| refusal |") >= 8
    auc = harm_table.separation(measured, "harm", "harm", within=False)["auc"]
    assert auc is not None
    assert harm_table.interval(auc) in shown
    assert f"{auc['low']:.2f}, {auc['high']:.2f}" in shown


def test_differences_show_their_sign_and_missing_ones_a_dash():
    entry = {"estimate": 0.5, "low": -0.25, "high": 1.0, "n": 4}
    assert harm_table.interval(entry, sign=True) == "+0.50 [−0.25, +1.00]"
    assert harm_table.interval(None) == "–"
