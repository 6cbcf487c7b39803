from steering.anatomy import harm_table


def test_tables_say_every_number_with_its_interval(measured):
    shown = harm_table.markdown(measured)
    assert shown.count("| harm |") + shown.count("| refusal |") >= 8
    for each in measured["separations"]:
        auc, random = each["auc"], each["random"]
        held = "yes" if each["within"] else "no"
        row = f"| {each['told']} | {each['axis']} | {held} | {auc['estimate']:.2f} "
        row += f"[{auc['low']:.2f}, {auc['high']:.2f}] | {random['mean']:.2f} "
        assert row + f"({random['low']:.2f} to {random['high']:.2f}) |" in shown
