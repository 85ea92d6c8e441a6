"""In go runs, out come their folders: a pool of Dask workers executes the notebooks of each."""

import contextlib
import os
import signal
import sys
import time
import uuid
from pathlib import Path

import torch
from tqdm import tqdm

from utils.core.device import cores
from utils.runs import execution, worker

# read on import, here and by each worker: what goes wrong is said by the run that it goes wrong in
os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")
from distributed import Client, Nanny, Scheduler, SpecCluster, WorkerPlugin, get_worker, wait
from distributed.scheduler import KilledWorker
from distributed.system import MEMORY_LIMIT
from distributed.utils import CancelledError

TOPIC = "misread"
MEMORY = 3e9  # bytes that a run of the demo needs at most
OFTEN = 0.5  # seconds between two looks at what the workers say
DEATHS = 20  # of workers, after which a run is given up
BAR = "{n:.1f} of {total} runs |{bar:20}| {elapsed} gone, {remaining} left{postfix}"


class IgnoreInterrupt(WorkerPlugin):
    """Ctrl-C is not for the workers, but for this process, which ends them."""

    def setup(self, worker):
        """Called by Dask, in the main thread of each worker."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def sensible_workers(runs: int) -> int:
    """A worker for each GPU, else for each core, as far as memory and runs go."""
    if torch.cuda.is_available():
        return min(runs, torch.cuda.device_count())
    return max(1, min(runs, cores(), int(MEMORY_LIMIT / MEMORY)))


@contextlib.contextmanager
def pool(workers: int, scheduler: str | None = None):
    """A client of the scheduler at an address, or of so many workers on this machine.

    The cores, or GPUs, of this machine are divided among them. Raises ValueError where no scheduler
    answers, or its workers cannot be used.
    """
    with contextlib.ExitStack() as stack:
        address = scheduler or stack.enter_context(_on_this_machine(workers))
        try:
            client = stack.enter_context(Client(address, timeout=10))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"--scheduler {scheduler}: does not answer ({' '.join(str(error).split())}); start "
                "`python -m dask scheduler` and give the address that it prints"
            ) from error
        if not scheduler:
            client.register_plugin(IgnoreInterrupt())
        _ready(client)
        yield client


def _on_this_machine(workers):
    threads = str(max(1, cores() // workers))
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    here = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "allowed_failures": DEATHS}
    specification = {
        number: {
            "cls": Nanny,
            "options": {
                "nthreads": 1,
                "memory_limit": 0,
                "env": dict.fromkeys(variables, threads) | own_gpu(number),
            },
        }
        for number in range(workers)
    }
    return SpecCluster(
        workers=specification, scheduler={"cls": Scheduler, "options": here}, silence_logs=50
    )


def own_gpu(number: int) -> dict:
    """The environment of a worker by which it sees one GPU, of those that this process sees."""
    if not (count := torch.cuda.device_count()):
        return {}
    seen = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
    return {"CUDA_VISIBLE_DEVICES": seen.split(",")[number % count]}


def _ready(client: Client, timeout: float = 60):
    """Wait for a worker; raises ValueError where none comes, or one has other code than this."""
    try:
        client.wait_for_workers(1, timeout)
    except TimeoutError:
        raise ValueError(
            f"--scheduler: no worker has come in {timeout:.0f} s; start `python -m dask worker "
            "ADDRESS --nthreads 1` in the repository"
        ) from None
    # a function of a function goes to the workers as it is, not by the name of its module
    found = client.run(
        lambda: __import__("utils.runs.execution").runs.execution.code(), on_error="return"
    )
    for address, code in found.items():
        if code != execution.code():
            lacks = isinstance(code, Exception)
            what = f"lacks this code ({code})" if lacks else "has other code than this machine"
            raise ValueError(
                f"--scheduler: the worker at {address} {what}; start it in the same repository, by "
                "`python -m dask worker`"
            )


def follow(client: Client, out: Path, plans: dict) -> dict:
    """Execute the plans {run: {notebook: parameters}} on the workers; {run: why it failed or None}.

    Each run in its folder in `out`, a failing one twice. A line is printed for each that ends, and
    how far all are is shown meanwhile.
    """
    sweep, code = uuid.uuid4().hex, execution.code()
    (out / worker.MARK).write_text(sweep)
    said, shares, ends = dict.fromkeys(plans, ""), dict.fromkeys(plans, 0.0), {}

    def heard(event):
        of, name, share, text = event[1]
        if of == sweep:
            said[name], shares[name] = text, share

    def submit(name, key):
        task = worker.Task(sweep, str(out), name, plans[name], code)
        return client.submit(_work, task, key=key, pure=False, retries=1)

    client.subscribe_topic(TOPIC, heard)
    futures = {submit(name, f"{name}-{sweep}"): name for name in plans}
    live = sys.stderr.isatty()
    often = OFTEN if live else 10  # seconds: a log keeps every line
    shown, deaths = 0.0, 0
    try:
        with (
            open(os.devnull, "w") as nowhere,
            tqdm(
                total=len(plans), bar_format=BAR, leave=False, file=sys.stderr if live else nowhere
            ) as bar,
        ):
            while futures:
                try:
                    wait(list(futures), timeout=OFTEN, return_when="FIRST_COMPLETED")
                except CancelledError as error:
                    raise ValueError(
                        "the scheduler is lost: start it again, and the same command goes on"
                    ) from error
                except TimeoutError:
                    pass
                for future in [future for future in futures if future.done()]:
                    name = futures.pop(future)
                    if isinstance(future.exception(), KilledWorker) and deaths < DEATHS:
                        deaths += 1  # it may only have been waiting for that worker
                        futures[submit(name, f"{name}-{sweep}-{deaths}")] = name
                        continue
                    ends[name] = _end(future, out / name)
                    shares[name], said[name] = 1.0, ""
                    tqdm.write(f"{name}: {ends[name] or 'done'}")
                if time.monotonic() - shown > often:
                    shown, bar.n = time.monotonic(), sum(shares.values())
                    now = [f"{name} {text}" for name, text in said.items() if text]
                    bar.set_postfix_str("; ".join(now))
                    if not live:
                        print(bar, file=sys.stderr)
    except BaseException:
        with contextlib.suppress(Exception):  # it may be the scheduler that is lost
            client.unsubscribe_topic(TOPIC)
            client.cancel(list(futures), force=True)
            client.run(worker.stop, sweep)
        raise
    finally:
        (out / worker.MARK).unlink(missing_ok=True)
    return ends


def _work(task: worker.Task):
    def tell(share, text):
        get_worker().log_event(TOPIC, (task.sweep, task.name, share, text))

    return worker.work(task, tell)


def _end(future, folder) -> str | None:
    """Why a run failed, if it did; else its folder is here."""
    if error := future.exception():
        kind = "" if isinstance(error, worker.RunFailed) else f"{type(error).__name__}: "
        return kind + " ".join(str(error).split())
    if packed := future.result():
        worker.unpack(packed, folder)
    return None
