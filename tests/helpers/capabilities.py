"""Documents of what edits cost in knowledge, with made-up numbers."""


def interval(estimate, reach=0.05, n=200):
    return {"estimate": estimate, "low": estimate - reach, "high": estimate + reach, "n": n}


def rate(estimate, change=None):
    """Return a share of right answers; `change` is that from the untouched model."""
    difference = None if change is None else {**interval(change), "p_value": 0.5}
    return {**interval(estimate), "share": interval(estimate), "difference": difference}


def document(shares, *, model="tiny-qwen2", code=None, dtype="float32", untouched=0.5):
    """Return a document of shares of questions by text form; `code`: the same of completions."""
    rows = [
        {
            "panel": form,
            "questions": rate(share, None if form == "baseline" else share - untouched),
            "completions": rate(code[form]) if code and form in code else None,
            "areas": {},
            "refused": None,
            "on_front": None,
        }
        for form, share in shares.items()
    ]
    made = {"dtype": dtype}
    return {"schema": 1, "model": model, "source": "made up", "panels": rows, "provenance": made}
