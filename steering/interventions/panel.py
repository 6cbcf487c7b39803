"""A panel: one column of the comparison, as plain data with a text form.

`NAME[:key=value[,key=value]...]`, for example `flip:k=3`, `nullspace:k=8,where=all`, `actadd:c=1`.
The text form is what the command line, links, recordings and tests use; formatting a parsed panel
gives its shortest text, which parses to the same panel.
"""

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Final

from steering.errors import SteeringError
from steering.interventions import missing_parts
from steering.interventions.class_definitions import require_definition
from steering.interventions.outline import (
    ExtractionPoint,
    Facts,
    require_inlp,
    require_point,
    require_rank,
    start_of,
)
from steering.interventions.panel_keys import ALONG_DIFFERENCE, as_text, check, read
from steering.interventions.panel_keys import DRAWN as DRAWN
from steering.interventions.panel_keys import KEY_CHOICES as KEY_CHOICES
from steering.interventions.panel_keys import KEYS as KEYS
from steering.interventions.panel_keys import RANGES as RANGES
from steering.interventions.panel_keys import choices as choices

if TYPE_CHECKING:
    from steering.interventions.directions import Directions
    from steering.interventions.edits import Edit
    from steering.interventions.subspace import Subspace

ALIASES: Final = {"random": ("flip", {"basis": "random"})}
"""Other names that are read: the kind they stand for, and what it is set to."""
DEFAULT_PANELS: Final = ("baseline", "actadd:c=-1", "ablation", "nullspace", "flip")
WITHOUT_INLP: Final = ("baseline", "actadd:c=-1", "ablation", "flip:basis=dim")
"""What there is for a model with a difference in means only."""


@dataclass(frozen=True)
class Panel:
    """One column of the comparison. A field that is None takes the panel's default.

    Attributes:
        name: `baseline`, `actadd`, `ablation`, `nullspace`, `flip`, `leace`, `ace` or `alterrep`.
            `parse` reads `random` as `flip` with `basis=random`, the control of both edits along
            INLP's directions.
        k: Rank: how many leading directions; default the one that was chosen for the kind.
        alpha: 0 identity, 1 removal, 2 mirror; default 1, for `flip` 2. `alterrep` has none: it
            removes, and `c` says what is put back.
        c: Coefficient of activation addition, in lengths of the difference in means. Of `ace`: 0
            puts what lies along it where harmless requests have it, 1 where harmful ones have it.
            Of `alterrep`: how much of each component is put back, below 0 on the harmless side,
            above 0 on the harmful one.
        layer: Block whose directions are taken, and where the edit acts with `where=source`.
        position: Template position at which the directions were fitted.
        where: `source` (at `layer`) or `all` (at every block); default `source`, so that nullspace
            projection and flipping differ in alpha, but `all` for ablation, as Arditi et al. do it.
        center: Point the component is measured from: `origin` (the paper) or `midpoint`.
        basis: `dim`, `inlp` or a control of as many directions at the same extraction point:
            `random` (every direction alike), `covariance` (drawn as the states lie), `shuffled`
            (INLP on shuffled labels). What is added along them has the difference's length.
        seed: Of a control's directions.
        side: `both`, or `harmful` to edit only tokens on the harmful side of the decision plane.
        classes: `label` or `behaviour`: what the directions were fitted to tell apart, see
            `class_definitions`; default that of the artifact.
        sites: `input`: at the input of a block; `block`: at what its attention and MLP write, too.
            Default `block` for ablation and nullspace projection, `input` for flipping and for
            edits of the harmful side, which have no other.
        order: The keys in the order they were written; only formatting reads it.
    """

    name: str
    k: int | None = None
    alpha: float | None = None
    c: float | None = None
    layer: int | None = None
    position: int | None = None
    where: str | None = None
    center: str | None = None
    basis: str | None = None
    seed: int | None = None
    side: str | None = None
    classes: str | None = None
    sites: str | None = None
    order: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse unknown names, keys that the name does not take, and values out of range."""
        if self.name not in KEYS:
            raise SteeringError(f"unknown panel {self.name!r}; allowed: {', '.join(KEYS)}")
        for key in self._given():
            check(self.name, key, getattr(self, key))
        if self.side == "harmful" and self.sites == "block":
            raise SteeringError(
                "sites=block does not go with side=harmful: what attention and MLP write does not "
                "tell the side of the state that it is added to; leave sites out"
            )

    def __str__(self) -> str:
        """Return the text form."""
        settings = ",".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.name}:{settings}" if settings else self.name

    @property
    def settings(self) -> dict[str, str]:
        """What is set, in the order it was written: keys and values as the text form has them."""
        given = self._given()
        ordered = [key for key in self.order if key in given]
        ordered += [key for key in given if key not in ordered]
        return {key: as_text(getattr(self, key)) for key in ordered}

    def _given(self) -> list[str]:
        return [
            each.name
            for each in fields(self)
            if each.name not in ("name", "order") and getattr(self, each.name) is not None
        ]

    def resolved(self, directions: Facts) -> "Panel":
        """Return the panel with every default filled in for a model.

        But for `sites`, which is left out where it is the kind's own: so whatever was kept under
        the full text of a panel, before there were sites to choose, is still found by it.
        """
        if self.name == "baseline":
            return self
        directions = directions.of(self.classes)
        single = self.name in ALONG_DIFFERENCE
        basis = self.basis or ("dim" if single else "inlp")
        of_dim = basis == "dim" or (single and basis in ("random", "covariance"))
        by_dim = of_dim or not directions.inlp_ranks
        start = start_of(directions, self.name)
        point = directions.dim_point if of_dim else start.point
        defaults = {
            "k": 1 if basis == "dim" else start.k,
            "alpha": 2.0 if self.name == "flip" else 1.0,
            "c": {"ace": 0.0, "alterrep": -1.0}.get(self.name, directions.default_c),
            "layer": point[1],
            "position": point[0],
            "where": "all" if self.name == "ablation" else "source",
            "center": "origin",
            "basis": basis,
            "seed": 0,
            "side": "both",
            "classes": directions.dim_classes if by_dim else directions.inlp_classes,
        }
        settled = {key: defaults[key] for key in defaults if key in KEYS[self.name]}
        missing = {key: value for key, value in settled.items() if getattr(self, key) is None}
        sites = None if self.sites == self._own_sites else self.sites
        return replace(self, **missing, sites=sites)  # type: ignore[arg-type]

    @property
    def acts_at(self) -> str:
        """`input` or `block`: see `sites`."""
        return self.sites or self._own_sites

    @property
    def _own_sites(self) -> str:
        removes = self.name in ("ablation", "nullspace") and self.side != "harmful"
        return "block" if removes else "input"

    @property
    def point(self) -> ExtractionPoint:
        """(position, layer) of the directions; the panel has to be resolved."""
        if self.position is None or self.layer is None:
            raise ValueError(f"panel {self} is not resolved")
        return self.position, self.layer

    @property
    def mirrors_at_random(self) -> bool:
        """Whether this is the control of flipping: a mirror in random directions."""
        return self.name == "flip" and self.basis == "random" and self.acts_at == "input"

    def takes_difference(self, facts: Facts) -> bool:
        """Whether the directions are difference in means, not INLP; the panel has to be resolved.

        A drawn basis takes its extraction point and decision plane from what it is the control of;
        one of many directions is INLP's control where there is INLP.
        """
        if self.name in ALONG_DIFFERENCE:
            return self.basis not in ("inlp", "shuffled")
        return self.basis == "dim" or (self.basis in DRAWN and not facts.inlp_ranks)

    def require(self, facts: Facts) -> None:
        """Refuse a panel that a model's directions cannot do.

        Raises:
            SteeringError: If layer, position or k has no directions in this model.
        """
        if self.name == "baseline":
            return
        require_definition(facts, self.classes, difference=self.takes_difference(facts))
        facts = facts.of(self.classes)
        panel = self.resolved(facts)
        if panel.takes_difference(facts):
            require_point(facts, panel.point)
            rank, method = 1, "difference in means"
        else:
            rank, method = require_inlp(facts, panel.point), "INLP"
        require_rank(panel.k or 1, rank, panel.point, method)
        if panel.name == "leace":
            missing_parts.require_covariance(facts.model, panel.point, facts.covariance_points)

    def edit(self, directions: "Directions") -> "Edit | None":
        """Return the edit of this panel for a model; None for the baseline.

        Raises:
            SteeringError: If layer, position or k has no directions in this model.
        """
        # Panels are read long before an edit is made, and edits need torch.
        from steering.interventions import panel_edits

        return panel_edits.edit(self, directions)

    def subspace(self, directions: "Directions") -> "Subspace":
        """Return the subspace that the panel acts on; the panel has to be resolved."""
        from steering.interventions import panel_edits

        return panel_edits.subspace(self, directions)


def usual(directions: Facts) -> tuple[str, ...]:
    """Return the panels of a comparison where none were named, as far as a model has them."""
    return DEFAULT_PANELS if directions.inlp_ranks else WITHOUT_INLP


def parse(text: str) -> Panel:
    """Read a panel's text form.

    Raises:
        SteeringError: On an unknown name or key, a key given twice, or a value out of range.
    """
    name, colon, rest = text.strip().partition(":")
    if name not in KEYS and name not in ALIASES:
        raise SteeringError(f"unknown panel {name!r} in {text!r}; allowed: {', '.join(KEYS)}")
    name, stands_for = ALIASES.get(name, (name, {}))
    settings: dict[str, int | float | str] = {}
    for item in rest.split(",") if colon else ():
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not value:
            raise SteeringError(
                f"{item!r} in panel {text!r} is not key=value; "
                f"{name} takes {', '.join(KEYS[name]) or 'no keys'}"
            )
        if key in settings or key in stands_for:
            raise SteeringError(f"{key!r} is given twice in panel {text!r}; give it once")
        settings[key] = read(name, key, value)
    settings |= stands_for
    return Panel(name, **settings, order=tuple(settings))  # type: ignore[arg-type]
