"""Replicas without Ray: a fork a request; what is asked and answered crosses as bytes."""

import asyncio
import contextlib
import multiprocessing
import pickle

import torch

from steering.cluster.replica import Replica

_FORK = multiprocessing.get_context("fork")


class Forked:
    """Replicas of models that this process holds already.

    Attributes:
        begun: The process of each request, in the order they came.
        ends_after: How many columns each may write before it is killed; the last one holds on.
    """

    def __init__(self, model, ends_after=(None,)):
        self.model, self.ends_after, self.begun = model, ends_after, []

    def ask(self, asked):
        allowed = self.ends_after[min(len(self.begun), len(self.ends_after) - 1)]
        stream = _Forked(self.model, pickle.dumps(asked), allowed)
        self.begun.append(stream.process)
        return stream

    def close(self):
        for each in self.begun:
            each.kill()
            each.join()


class _Forked:
    def __init__(self, model, asked, allowed):
        self._told, here = _FORK.Pipe(duplex=False)
        self.process = _FORK.Process(target=_work, args=(model, asked, here), daemon=True)
        self.process.start()
        here.close()
        self._allowed, self.cancelled = allowed, False

    def __iter__(self):
        came = 0
        while True:
            if came == self._allowed:
                self.process.kill()
                self.process.join()
                # On a busy machine it has written more by now: what is lost is not read.
                raise EOFError
            said = pickle.loads(self._told.recv_bytes())
            if said is None:
                return
            came += 1
            yield said

    def cancel(self):
        self.cancelled = True
        self.process.terminate()


def _work(model, asked, here):
    torch.set_num_threads(1)  # a pool of threads does not survive a fork

    async def work():
        async with contextlib.aclosing(
            Replica(lambda _held: model).columns(pickle.loads(asked))
        ) as found:
            async for column in found:
                here.send_bytes(pickle.dumps(column))
        here.send_bytes(pickle.dumps(None))

    asyncio.run(work())
