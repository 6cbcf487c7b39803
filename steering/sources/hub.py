"""The model hub, asked once and with short time-outs.

`huggingface_hub` retries for about 24 s where the hub cannot be reached. So each download here
begins with one request that gives up after `PROBE_SECONDS`. HF_ENDPOINT, HF_TOKEN, HF_HOME and
HF_HUB_OFFLINE mean what they mean everywhere.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from tqdm.auto import tqdm

from steering.checkpoints import model_file, other_formats
from steering.errors import SteeringError
from steering.system import disk_space
from steering.system.progress import Report, watch_growth

PROBE_SECONDS = 5.0
"""Patience with a hub that does not answer (chosen: slow links answer within one or two)."""

ERRORS: tuple[type[Exception], ...] = (
    OSError,  # includes offline mode, missing metadata and a full disk
    HFValidationError,
    # The HTTP library's own base class, whichever one this version of the hub's client uses.
    *(base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception)),
)
"""What a request to the hub can end with where network, hub or disk are to blame."""

_WANTED = ("*.safetensors", "*.json", "tokenizer.model", "*.jinja", "merges.txt", "vocab.txt")
"""Weights that are not pickled, settings and tokenizers."""

_UNWANTED = ("*/*", "consolidated*")
"""Other formats and the publisher's originals, which repeat the weights."""


@dataclass(frozen=True)
class Snapshot:
    """A repository's files on this machine.

    Attributes:
        folder: Holds safetensors, config and tokenizer.
        revision: The commit.
    """

    folder: Path
    revision: str


class _NoBar(tqdm):  # type: ignore[misc, unused-ignore]
    """A progress bar that draws nothing: the bytes are reported from the disk instead."""

    def __init__(self, *args: object, **options: object) -> None:
        options["disable"] = True
        options.pop("name", None)  # the hub's own bars know it, tqdm does not
        super().__init__(*args, **options)


def endpoint() -> str:
    """Address of the hub, without a slash at the end."""
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def probe_file(repo: str, filename: str, revision: str | None) -> str | None:
    """Ask once whether the hub has the file; one of `ERRORS` if not.

    Returns:
        The commit that the revision stands for, None where the hub does not tell.
    """
    _refuse_offline()
    url = huggingface_hub.hf_hub_url(repo, filename, revision=revision, endpoint=endpoint())
    return huggingface_hub.get_hf_file_metadata(url, timeout=PROBE_SECONDS).commit_hash


def download_file(repo: str, filename: str, revision: str | None, folder: Path) -> None:
    """Download one file into `folder`, going on where a broken-off try stopped; else `ERRORS`."""
    with _storage_errors():
        huggingface_hub.hf_hub_download(
            repo,
            filename,
            revision=revision,
            local_dir=folder,
            endpoint=endpoint(),
            etag_timeout=PROBE_SECONDS,
            tqdm_class=_NoBar,
        )


def local_snapshot(repo: str, revision: str | None) -> Snapshot | None:
    """The repository's files if all of them are in the hub's cache; asks no network."""
    try:
        folder = huggingface_hub.snapshot_download(
            repo,
            revision=revision,
            local_files_only=True,
            allow_patterns=list(_WANTED),
            ignore_patterns=list(_UNWANTED),
        )
    except LocalEntryNotFoundError:
        return None
    path = Path(folder)
    return Snapshot(path, path.name) if not missing(path) else None


def snapshot(repo: str, revision: str | None, *, report: Report) -> Snapshot:
    """Download the safetensors, settings and tokenizer of a repository into the hub's cache.

    Args:
        repo: `org/name`.
        revision: Branch, tag or commit, None for the main branch.
        report: Progress callback, called with the number of bytes received.

    Raises:
        SteeringError: If the hub cannot be reached, does not have it, keeps it behind a licence, or
            has pickled weights only; or if the disk is full.
    """
    try:
        _refuse_offline()
        api = huggingface_hub.HfApi(endpoint=endpoint())
        info = api.model_info(repo, revision=revision, timeout=PROBE_SECONDS, files_metadata=True)
        sizes = {
            file.rfilename: file.size or 0
            for file in info.siblings or []
            if _is_wanted(file.rfilename)
        }
        if said := other_formats.in_repository([f.rfilename for f in info.siblings or []]):
            raise SteeringError(f"the hub's {repo} cannot be loaded as a model: {said}")
        if not any(name.endswith(".safetensors") for name in sizes):
            raise SteeringError(
                f"the hub's {repo} holds no safetensors; give another repository, or a folder or "
                ".gguf file of your own"
            )
        folder = _cache_of(repo)
        disk_space.require(folder, sum(sizes.values()) - disk_space.size_of(folder))
        label = f"Downloading {repo} from the hub"
        with (
            watch_growth(folder, label=label, total=sum(sizes.values()), report=report),
            _storage_errors(),
        ):
            path = huggingface_hub.snapshot_download(
                repo,
                # Not the commit: the cache would then not know what the branch's name stands for.
                revision=revision,
                endpoint=endpoint(),
                etag_timeout=PROBE_SECONDS,
                allow_patterns=list(_WANTED),
                ignore_patterns=list(_UNWANTED),
                tqdm_class=_NoBar,
            )
    except ERRORS as error:
        if disk_space.is_full(error):
            raise disk_space.full(_cache_of(repo), None) from error
        raise SteeringError(
            f"the model {repo} could not be fetched from the hub: {reason(error)}"
        ) from error
    if gaps := missing(Path(path)):
        raise SteeringError(f"the hub's {repo} is incomplete: it has no {', '.join(gaps)}")
    return Snapshot(Path(path), Path(path).name)


def missing(folder: Path) -> tuple[str, ...]:
    """What a folder lacks to be loaded as a chat model; empty if nothing."""
    gaps = [] if (folder / "config.json").is_file() else ["config.json"]
    index = folder / model_file.INDEX
    if index.is_file():
        try:
            shards = set(model_file.shards(index).values())
        except SteeringError:
            shards = set()  # nothing is known to be missing; `checkpoint.check` says what is wrong
        gaps += sorted(shard for shard in shards if not (folder / shard).is_file())
    elif not any(folder.glob("*.safetensors")):
        gaps.append("*.safetensors")
    if not any(
        (folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")
    ):
        gaps.append("tokenizer.json")
    return tuple(gaps)


def reason(error: BaseException) -> str:
    """One line that says why the hub did not give something, and what helps."""
    text = " ".join(str(error).split())[:300] or type(error).__name__
    reasons: list[tuple[type[BaseException], str]] = [
        (
            GatedRepoError,
            f"it is gated: accept its licence on its page at {endpoint()}, then set HF_TOKEN to "
            "your access token",
        ),
        (RevisionNotFoundError, "it has no such revision"),
        (
            RepositoryNotFoundError,
            "there is no such repository; check the spelling, or set HF_TOKEN if it is private",
        ),
        (EntryNotFoundError, "the repository has no such file"),
        (OfflineModeIsEnabled, "offline mode is on (HF_HUB_OFFLINE)"),
    ]
    return next((said for kind, said in reasons if isinstance(error, kind)), text)


def _is_wanted(filename: str) -> bool:
    return any(fnmatch(filename, pattern) for pattern in _WANTED) and not any(
        fnmatch(filename, pattern) for pattern in _UNWANTED
    )


def _refuse_offline() -> None:
    # The client reads the variable when it is imported; here it counts when it is needed.
    wished = os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "on", "yes", "true"}
    if wished or constants.is_offline_mode():
        raise OfflineModeIsEnabled("offline mode is on (HF_HUB_OFFLINE)")


@contextmanager
def _storage_errors() -> Generator[None]:
    """The hub's storage client raises a bare RuntimeError where its own servers fail."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(f"the hub's storage failed: {error}") from error


def _cache_of(repo: str) -> Path:
    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")
