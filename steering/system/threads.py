"""How many threads multiply matrices: as many as this process has cores, and none that spin.

Left alone, the libraries start a thread for every processor that the system shows. In a container
that may use two of 64, or with two hardware threads a core, most of them wait for the others: an
oversubscribed pool made a step five times slower (measured).
"""

import os
from collections.abc import Generator, MutableMapping
from contextlib import contextmanager


def sleep_while_waiting(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let threads sleep between two products, so that they take no time from other programs.

    To be called before anything imports torch, which reads this once. What the user set stays.
    """
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def limit_to_cores() -> int:
    """Let torch use at most the physical cores that this process may use; return how many it uses.

    Affinity and the limit of a container count. Fewer threads, as the user or a host has set them,
    stay as they are.
    """
    import psutil
    import torch
    from joblib import cpu_count

    # joblib knows affinity and a container's limit. Its physical cores are not asked for: where it
    # does not find them, on ARM for one, it prints a warning with the stack.
    allowed = int(cpu_count())
    cores = min(allowed, psutil.cpu_count(logical=False) or allowed)
    if cores < torch.get_num_threads():
        torch.set_num_threads(cores)
    return int(torch.get_num_threads())


@contextmanager
def one_for_small_products() -> Generator[None]:
    """Let numpy and scipy multiply on one thread until the `with` block ends.

    Products of a few dozen rows are over before a second thread has begun. On two cores with other
    programs on them a logistic regression on 102 states of 896 numbers took 55 ms with two threads
    and 10 ms with one (measured). torch has threads of its own, which stay.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
