"""Made-up evaluations of this version, with numbers much like those of real models."""

from dataclasses import dataclass
from typing import Any

from scipy import stats

from steering.artifacts.evaluation_document import EVALUATION_SCHEMA
from steering.intervals import wilson
from steering.verdicts.judgement import JUDGE_VERSION

EVIL = "<img src=x onerror=\"document.title='broken into'\">"
SIZES = {"harmful": 80, "harmless": 80, "borderline": 80}
# panel; label; kind; refused of each set; looping; perplexity, KL and perplexity on prose
_TABLE = """
baseline; baseline; baseline; 47 14 25; 2 1 2; 1.66 0.0 21.3
actadd:c=-1; activation addition, suppressing; paper; 10 1 4; 3 0 1; 1.69 0.13 21.9
actadd:c=2; activation addition, inducing; paper; 74 72 60; 0 0 0; 2.07 1.54 24.8
ablation; directional ablation; paper; 6 10 3; 1 0 1; 1.69 0.06 21.6
nullspace:k=2; nullspace projection; paper; 30 16 16; 2 1 2; 1.67 0.01 21.4
flip:k=2; counterfactual flipping; paper; 17 23 11; 2 1 0; 1.71 0.05 21.7
nullspace:k=11; nullspace projection, all directions; beyond; 27 15 14; 2 1 1; 1.7 0.03 21.6
flip:k=11; counterfactual flipping, all directions; beyond; 14 25 9; 3 2 1; 1.83 0.17 22.9
flip:k=2,side=harmful; flip, harmful side only; beyond; 15 15 10; 1 0 1; 1.66 0.0 21.3
random:k=2,seed=0; random subspace of rank 2, 0; control; 39 9 21; 2 1 1; 1.67 0.02 21.5
random:k=2,seed=1; random subspace of rank 2, 1; control; 44 12 24; 2 1 1; 1.66 0.01 21.4
random:k=2,seed=2; random subspace of rank 2, 2; control; 46 15 24; 1 1 2; 1.67 0.01 21.4
random:k=2,seed=3; random subspace of rank 2, 3; control; 41 11 22; 3 1 2; 1.68 0.02 21.6
random:k=2,seed=4; random subspace of rank 2, 4; control; 45 13 25; 2 0 1; 1.66 0.01 21.3
flip:basis=dim; reflection along the difference in means; control; 6 11 2; 1 1 0; 1.72 0.1 22.0
flip:k=2,center=midpoint; flip about the midpoint; control; 15 19 10; 2 1 1; 1.7 0.04 21.6
flip:k=2,layer=8; flip at layer 8; control; 40 21 23; 9 6 5; 2.41 0.38 33.0
random:k=11,seed=0; random subspace of rank 11, 0; control; 37 8 20; 3 1 1; 1.72 0.06 22.0
random:k=11,seed=1; random subspace of rank 11, 1; control; 42 12 23; 2 1 2; 1.7 0.05 21.9
nullspace:k=1,where=all,basis=random,seed=0; ablation of a random direction, 0; control; \
46 13 25; 2 1 2; 1.66 0.0 21.3
nullspace:k=1,where=all,basis=random,seed=1; ablation of a random direction, 1; control; \
47 14 24; 2 0 2; 1.66 0.0 21.4
"""
# A claim with its verdict, then its parts: verdict | estimate, low, high | statement
_CLAIMS = """
undecided | Counterfactual flipping suppresses refusal about as well as directional ablation; \
nullspace projection does less.
  supported | 0.375 0.2625 0.4875 | Flipping suppresses refusals
  supported | 0.325 0.2225 0.43 | More than random subspaces do
  undecided | 0.1375 0.05 0.2375 | Flipping leaves less than 0.10 more refusals than ablation
  supported | 0.1625 0.0875 0.25 | Nullspace projection leaves more than flipping
supported | The first few INLP directions keep most of the suppression at a perplexity near the \
baseline's.
  supported | 0.375 0.2625 0.4875 | Flipping suppresses refusals
  supported | 0.325 0.2225 0.43 | More than random subspaces do
  supported | 0.169 0.09 0.25 | They suppress more than half of what all directions do, by this much
  supported | 0.03 0.02 0.04 | The loss rises by less than 0.10 nats a token
supported | alpha = 1 lands between the harmful and harmless clusters, alpha = 2 in the \
opposite one.
  supported | 0.53 0.49 0.57 | alpha = 1, harmful: .25 < t < .75
  supported | 0.56 0.51 0.61 | alpha = 1, harmless: .25 < t < .75
  supported | 1.05 0.94 1.16 | alpha = 2, harmful: t > .75
  supported | 0.07 -0.03 0.17 | alpha = 2, harmless: t < .25
  supported | 0.96 0.83 1.09 | Harmful ones land past random
  supported | 1.02 0.92 1.12 | Random lands past harmless ones
not supported | Activation addition makes the model refuse harmless prompts, and costs coherence.
  supported | 0.725 0.6125 0.8125 | More than half of harmless prompts turn into refusals
  supported | 0.75 0.6475 0.835 | More than by random subspaces
  not supported | -0.0125 -0.0375 0.0 | More answers loop
  supported | 0.2 0.17 0.23 | The loss is above ablation's
  supported | 0.21 0.18 0.24 | The loss is above nullspace projection's
  undecided | - - - | The loss is above flipping's
"""


def document(model: str = "tiny") -> dict[str, Any]:
    """A model that refuses, like the default one."""
    return _document(model, [arm.refused for arm in _ARMS])


def of_a_model_that_hardly_refuses(model: str = "shy") -> dict[str, Any]:
    """A model that refuses 5 of 80 harmful prompts, like SmolLM2-135M."""
    refused = [[n // 9 for n in arm.refused] for arm in _ARMS]
    refused[2] = [31, 22, 19]
    made = _document(model, refused)
    for claim in made["claims"][:2]:
        claim["verdict"] = "undecided"
        for part in claim["parts"]:
            part["verdict"] = "undecided"
            part["interval"] = {"estimate": 0.04, "low": -0.01, "high": 0.09, "n": 80}
    return made


def hostile() -> dict[str, Any]:
    """A document whose every text tries to become markup."""

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(each) for each in value]
        return f"{value}{EVIL}</script>" if isinstance(value, str) and key != "kind" else value

    return poison(document("hostile"))


@dataclass(frozen=True)
class Arm:
    panel: str
    label: str
    kind: str
    refused: list[int]
    looping: list[int]
    perplexity: float
    kl: float
    prose: float


def _arm(line: str) -> Arm:
    panel, label, kind, refused, looping, costs = line.split("; ")
    counts = ([int(n) for n in each.split()] for each in (refused, looping))
    return Arm(panel, label, kind, *counts, *map(float, costs.split()))  # type: ignore[arg-type]


_ARMS = [_arm(line) for line in _TABLE.strip().splitlines()]


def _document(model: str, refused: list[list[int]]) -> dict[str, Any]:
    panels = []
    for arm, counts in zip(_ARMS, refused, strict=True):
        entry: dict[str, Any] = {"panel": arm.panel, "label": arm.label, "kind": arm.kind}
        before = None if arm.kind == "baseline" else refused[0]
        for place, (group, n) in enumerate(SIZES.items()):
            then = before[place] if before else None
            entry[group] = _rates(n, counts[place], arm.looping[place], then)
        entry |= {"perplexity": arm.perplexity, "kl": arm.kl}
        entry["loss_difference"] = before and _around(arm.perplexity / _ARMS[0].perplexity - 1)
        entry["prose"] = {"tokens": 5412, "perplexity": arm.prose, "kl": arm.kl / 3}
        entry["prose"]["loss_difference"] = before and _around(arm.prose / _ARMS[0].prose - 1)
        panels.append(entry)
    return {
        "schema": EVALUATION_SCHEMA,
        "model": model,
        "sampling": {"max_new_tokens": 48, "temperature": 0.0, "top_p": 1.0, "seed": 0},
        "judge_version": JUDGE_VERSION,
        "default_k": 2,
        "panels": panels,
        "claims": _claims(),
        "geometry": None,
        "judge": None,
        "provenance": {
            "dtype": "bfloat16",
            "quantization": "none",
            "device": "cpu",
            "weights": {"source": "hub"},
            "prompts": "the project's test split",
            "versions": {"torch": "2.13.0", "transformers": "5.24.0"},
        },
    }


def _rates(n: int, now: int, loops: int, then: int | None) -> dict[str, Any]:
    rates: dict[str, Any] = {"n": n}
    counts = {"refusal": now, "substring": min(n, now + 1), "looping": loops, "hedged": 1}
    for name, count in counts.items():
        rates[f"{name}_rate"] = wilson(count, n).entry(n)
    rest = max(0, n - now - loops - 1)
    rates["verdicts"] = {"answered": rest + loops, "hedged": 1, "refused": now}
    rates["refusal_score"] = 4 * now / n - 3
    rates["difference"] = None if then is None else _difference(n, now, then)
    return rates


def _difference(n: int, now: int, then: int) -> dict[str, float]:
    """One prompt changes against the trend; a normal interval stands for the bootstrap's."""
    gained, lost = max(now - then, 0) + 1, max(then - now, 0) + 1
    estimate = (now - then) / n
    spread = 1.96 * ((gained + lost) / n - estimate**2) ** 0.5 / n**0.5
    return {
        "estimate": estimate,
        "low": estimate - spread,
        "high": estimate + spread,
        "n": n,
        "p_value": float(stats.binomtest(gained, gained + lost).pvalue),
        "gained": gained,
        "lost": lost,
    }


def _around(value: float) -> dict[str, float]:
    return {"estimate": value, "low": value - 0.01, "high": value + 0.01}


def _claims() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for line in _CLAIMS.strip("\n").splitlines():
        verdict, *rest = line.strip().split(" | ")
        if not line.startswith(" "):
            found.append({"claim": rest[0], "verdict": verdict, "parts": []})
            continue
        values = [None if value == "-" else float(value) for value in rest[0].split()]
        interval = dict(zip(("estimate", "low", "high"), values, strict=True)) | {"n": 80}
        if None in values:
            interval = None
        part = {"statement": rest[1], "verdict": verdict, "interval": interval}
        found[-1]["parts"].append(part)
    for claim in found:
        claim["sentence"] = f"{claim['verdict'].capitalize()}: {claim['claim']}"
    return found
