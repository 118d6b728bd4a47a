"""Command line, `spu-ditto` or `python -m spu_ditto`: nodes, calls of published models, and tools of the compiler.

What needs JAX or the compiler imports it when it is asked for: nodes and data owners do without.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ditto.errors import DittoError, RuntimeFailure

# How often the stock is looked at, in seconds.
_LOOKS_AGAIN = 5.0

# Of a text that the demo's own nodes take.
_TOKENS = 32
# Of nodes that `up` starts again; what ends them so often will go on to.
_RESTARTS = 10

# Plain text: rich would take what is in brackets for markup, and cut it in narrow terminals.
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)

_ConfigFile = Annotated[Path, typer.Option("--config", help="The configuration file.", envvar="DITTO_CONFIG")]
_IdentityStem = Annotated[
    str, typer.Option("--identity", help="Your .pem and .key, without the ending.", envvar="DITTO_IDENTITY")
]


@app.callback()
def main() -> None:
    """Secure inference among three parties."""
    # What a terminal's encoding does not have, in a name or a label, ends nothing.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _told(extra: str = "models") -> Iterator[None]:
    """Errors in one line each; a module that is missing comes with the extra."""
    try:
        yield
    except (DittoError, ModuleNotFoundError, OSError, ValueError) as error:
        if isinstance(error, ModuleNotFoundError):
            error.msg += f"; it comes with the extra of {extra}: pip install 'spu-ditto[{extra}]'"
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from error


# ------------------------------------------------------------------------------------------------ nodes


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write 3pc.json and the certificates.")],
    hosts: Annotated[str, typer.Option(help="The three nodes' hosts.")] = "127.0.0.1,127.0.0.1,127.0.0.1",
    config: Annotated[Path | None, typer.Option(help="A configuration of SPU's to add certificates to.")] = None,
) -> None:
    """Makes a configuration with certificates, for trials: three nodes, a model's owner and a data owner."""
    from ditto.parties.setup import make_configuration

    with _told():
        names = hosts.split(",")
        if len(names) != 3 or not all(names):
            raise DittoError(f"--hosts names three hosts, such as a.org,b.org,c.org, not {hosts!r}")
        base = None if config is None else json.loads(config.read_text())
        path = make_configuration(folder, names, base)
        print(f"wrote {path} and {folder / 'certificates'}; each .key is for the machine of its owner alone")


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False)
def node(context: typer.Context) -> None:
    """Runs one party: --config FILE --party N [--store FOLDER] [--log-json]."""
    from ditto.parties.node import main as run_node

    run_node(context.args)


@app.command()
def up(
    config: _ConfigFile,
    store: Annotated[Path | None, typer.Option(help="Where nodes keep publications, each in a folder.")] = None,
) -> None:
    """Runs all three parties on this machine, until Ctrl-C or `spu-ditto stop`. One that ends is started again."""
    from ditto.parties.config import read_config
    from ditto.parties.node import STOPS
    from ditto.parties.node_process import own_environment
    from ditto.parties.running import running

    def start(role: int) -> subprocess.Popen[bytes]:
        kept = [] if store is None else ["--store", str(store / f"node-{role}")]
        return subprocess.Popen(
            [*command, "--party", str(role), *kept],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=own_environment(),
        )

    with _told(), running(config):
        read_config(config)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        command = [sys.executable, "-m", "ditto.parties.node", "--config", str(config), "--until-stdin-closes"]
        nodes = [start(role) for role in range(3)]
        left = _RESTARTS
        while left and signal.sigtimedwait(STOPS, 0.5) is None:
            for role, node in enumerate(nodes):
                if left and node.poll() is not None:
                    left -= 1
                    print(f"P{role} ended with {node.returncode}; starting it again", file=sys.stderr)
                    nodes[role] = start(role)
        for node in nodes:
            node.terminate()
        for node in nodes:
            node.wait()
        if not left:
            raise RuntimeFailure(f"parties ended {_RESTARTS} times; giving up")


@app.command()
def stop(config: _ConfigFile) -> None:
    """Ends the nodes that `spu-ditto up` runs on this machine."""
    from ditto.parties.running import stop as end

    with _told():
        print(f"stopped process {end(config)} and its nodes")


@app.command()
def check(config: _ConfigFile, identity: _IdentityStem) -> None:
    """Looks at certificates, nodes, versions and clocks, and says what is wrong and how to mend it."""
    from ditto.parties.check import check as findings
    from ditto.parties.config import read_config
    from ditto.parties.identity import Identity

    wrong = 0
    with _told():
        for finding in findings(read_config(config), Identity.load(identity)):
            wrong += bool(finding.wrong)
            print(f"{'WRONG' if finding.wrong else 'ok':5}  {finding.what}: {finding.told}")
            if finding.wrong:
                print(f"       {finding.wrong}")
    if wrong:
        raise typer.Exit(1)


@app.command()
def status(config: _ConfigFile, identity: _IdentityStem) -> None:
    """What each node has and does: publications, calls, sessions."""
    from ditto.parties.client import describe
    from ditto.parties.config import read_config
    from ditto.parties.identity import Identity

    with _told():
        parsed, own = read_config(config), Identity.load(identity)
        for role in range(3):
            try:
                told = describe(parsed, role, own)
            except DittoError as error:
                print(error)
                continue
            print(f"P{role}: version {told.version}, {told.memory_bytes / 1e6:.0f} MB at most, you are {told.caller}")
            for publication in told.publications:
                told_calls = (
                    f": {publication.calls} calls since it was started" if publication.owner == told.caller else ""
                )
                stock = f", {sum(publication.stock)} runs in stock" if sum(publication.stock) else ""
                print(f"  {publication.name} of {publication.owner}{told_calls}{stock}")
            for session in told.sessions:
                print(f"  session of {session.caller} for {session.seconds:.0f} s: {session.doing}")


# ------------------------------------------------------------------------------------------------ students


@app.command()
def distill(
    teacher: Annotated[str, typer.Argument(help="A Hugging Face directory, or minilm. A bare model is trained first.")],
    out: Annotated[Path, typer.Option(help="The folder of the run; one that was interrupted goes on.")],
    task: Annotated[str, typer.Option(help="sentiment.")] = "sentiment",
    recipe: Annotated[str, typer.Option(help="ditto, mpcformer, freediv or fitted.")] = "fitted",
    attention: Annotated[str | None, typer.Option(help="In the place of the recipe's.")] = None,
    activation: Annotated[str | None, typer.Option(help="In the place of the recipe's.")] = None,
    norm: Annotated[
        str | None, typer.Option(help="linear, or linear,raw: at attention alone. Where all is fitted.")
    ] = None,
    quantisation_aware: Annotated[
        str | None, typer.Option(help="What the last stage rounds as it learns: weights, or all of the secure program.")
    ] = None,
    seq_len: Annotated[int, typer.Option(min=1, help="Tokens of a text.")] = 32,
    secure_samples: Annotated[int, typer.Option(min=0, help="Test texts to try among three parties.")] = 200,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
) -> None:
    """Makes a model that is cheap on shares of one that is not, and teaches it to be as good."""
    with _told("distill"):
        from spu_ditto.distill import distill as run
        from spu_ditto.distill.recipe import recipe as find

        norms = tuple(norm.split(",")) if norm and "," in norm else norm
        with _shown() as progress:
            results = run(
                teacher,
                task,
                find(recipe, attention, activation, norms, quantisation_aware),  # type: ignore[arg-type]
                out,
                seq_len=seq_len,
                secure_samples=secure_samples,
                seed=seed,
                **progress,
            )
        print(results.markdown(), end="")


@app.command()
def search(
    data: Annotated[str, typer.Argument(help="mnist, animals, digits, or a folder: CIFAR, Tiny-ImageNet, or classes.")],
    out: Annotated[Path, typer.Option(help="The folder of the run; one that was interrupted goes on.")],
    shape: Annotated[str, typer.Option(help="Layers x heads x width.")] = "4x4x128",
    patch: Annotated[int, typer.Option(min=1, help="Side of the squares that pictures are cut into.")] = 4,
    attention: Annotated[str, typer.Option(help="What heads choose among, the teacher's own first.")] = "raw,scale",
    activation: Annotated[str, typer.Option(help="What layers choose among.")] = "raw",
    by: Annotated[str, typer.Option(help="Who chooses attention: head or layer.")] = "head",
    network: Annotated[str, typer.Option(help="WAN, LAN, or such as 100mbit,10ms.")] = "WAN",
    batch: Annotated[int, typer.Option(min=1, help="Pictures of one execution.")] = 1,
    weight: Annotated[float, typer.Option(min=0, help="Of the expected cost in the loss.")] = 0.1,
    budget: Annotated[list[str], typer.Option(help="Such as 250ms or 20MB; several make a plan each.")] = [],  # noqa: B006
    keep: Annotated[list[float], typer.Option(min=0, max=1, help="Part of heads that keep the first form.")] = [],  # noqa: B006
    begin: Annotated[str, typer.Option(help="Weights that plans are trained from: teacher or random.")] = "teacher",
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
) -> None:
    """Finds which heads and layers of a small ViT need their own functions, within budgets of time or bytes."""
    with _told("search"):
        from spu_ditto.search import Settings
        from spu_ditto.search import search as run

        settings: dict[str, Any] = {
            **{"shape": shape, "patch": patch, "by": by, "network": network, "batch": batch, "weight": weight},
            **{"attention": attention.split(","), "activation": activation.split(",")},
            **{"budgets": budget, "keep": keep, "begin": begin},
        }
        with _shown() as progress:
            results = run(data, out, Settings.model_validate(settings), seed=seed, **progress)
        print(results.markdown(), end="")


@contextlib.contextmanager
def _shown() -> Iterator[dict[str, Any]]:
    """What shows how far something is: a bar a stage, with numbers of its last step, and sentences above them."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars: dict[str, Any] = {}

        def stepped(stage: str, step: int, steps: int, metrics: dict[str, float]) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=steps)
            told = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
            progress.update(bars[stage], completed=step, description=f"{stage}: {told}" if told else stage)

        def told(text: str) -> None:
            progress.console.print(text, markup=False, highlight=False)

        yield {"told": told, "stepped": stepped}


# ------------------------------------------------------------------------------------------------ models


@app.command()
def publish(
    model: Annotated[str, typer.Argument(help="A Hugging Face directory, or minilm.")],
    config: _ConfigFile,
    identity: _IdentityStem,
    name: Annotated[str, typer.Option(help="What callers call it.")],
    seq_len: Annotated[list[int], typer.Option(help="Tokens; several make a program each.")] = [32],  # noqa: B006
    caller: Annotated[list[str] | None, typer.Option(help="Who may call it; by default all that may call.")] = None,
    most_calls: Annotated[int | None, typer.Option(min=1, help="So many calls of each caller, and no more.")] = None,
    most_per_hour: Annotated[int | None, typer.Option(min=1, help="So many of them within an hour.")] = None,
) -> None:
    """Compiles a model, shares its weights among the nodes, and gives it a name."""
    with _told():
        import spu_ditto
        from spu_ditto import models

        publication = _publication(models.load(model), seq_len)
        with spu_ditto.connect(config, identity=identity) as parties:
            spu_ditto.publish(
                parties, name, callers=caller, most_calls=most_calls, most_per_hour=most_per_hour, **publication
            )
        print(f"published {name}")


def _publication(model: Any, seq_len: Sequence[int]) -> dict[str, Any]:
    """What `spu_ditto.publish` takes of a model (`models.load`): a program for each length, and what texts need."""
    import spu_ditto
    from ditto.parties.texts import TEXT_TASKS

    secure = spu_ditto.compile(model.apply, fraction_bits=model.fraction_bits)
    return {
        "programs": [secure.lower(model.params, model.make_inputs(seq_len=n)).compile() for n in sorted(set(seq_len))],
        "weights": {"params": model.params},
        "task": model.task if model.task in TEXT_TASKS else None,
        "labels": model.labels,
        "tokenizer": None if model.tokenizer is None else model.tokenizer.text.encode(),
    }


@app.command()
def preprocess(
    name: Annotated[str, typer.Argument(help="What it was published as.")],
    config: _ConfigFile,
    identity: _IdentityStem,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many runs to have of each program.")],
    keep_up: Annotated[bool, typer.Option("--keep-up", help="Go on, and replace what is used, until Ctrl-C.")] = False,
) -> None:
    """Has the nodes deal runs of a model of yours ahead, so that as many calls need P1 and P2 alone."""
    from ditto.parties.config import read_config
    from ditto.parties.identity import Identity
    from ditto.parties.preprocess import preprocess as dealing

    with _told():
        parsed, own = read_config(config), Identity.load(identity)
        with _shown() as progress:
            while True:
                for held, wanted in dealing(parsed, own, name, count):
                    progress["stepped"](f"stock of {name}", held, wanted, {})
                if not keep_up:
                    break
                time.sleep(_LOOKS_AGAIN)
        print(f"{held} runs of {name} are in stock")


@app.command()
def models(config: _ConfigFile, identity: _IdentityStem) -> None:
    """What you may call."""
    from ditto.parties.client import Client

    with _told(), Client(config, identity) as client:
        for model in client.models():
            print(f"{model.name}\tof {model.owner}")


@app.command()
def call(
    name: Annotated[str, typer.Argument(help="What it was published as.")],
    config: _ConfigFile,
    identity: _IdentityStem,
    text: Annotated[list[str], typer.Option(help="A text; several are several calls.")],
    context: Annotated[str | None, typer.Option(help="Where the answer is, if the text is a question.")] = None,
) -> None:
    """Calls a published model on text; prints JSON."""
    from ditto.parties.client import Client

    with _told(), Client(config, identity) as client:
        pipeline = client.pipeline(name)
        for one in text:
            result = pipeline(one) if context is None else pipeline(question=one, context=context)
            print(json.dumps(result, default=lambda array: array.tolist()))


@app.command()
def demo(
    model: Annotated[
        str, typer.Argument(help="What it was published as; locally, a Hugging Face directory, or minilm.")
    ] = "minilm",
    config: Annotated[
        Path | None, typer.Option(help="The configuration file; without one, as --local.", envvar="DITTO_CONFIG")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(help="Your .pem and .key, without the ending.", envvar="DITTO_IDENTITY")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Start three nodes on this machine, and publish the model there.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the page; 0 takes a free one.")] = 0,
) -> None:
    """Serves a page, on this machine alone, that calls a model on a text and shows what each node received."""
    from ditto import demo as page

    with _told(), contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as cleanup:
        # Ended by a signal, it takes its nodes along.
        cleanup.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: sys.exit()))
        if local or config is None:
            caller = page.Caller(*cleanup.enter_context(_local_service(model)))
        else:
            caller = page.Caller(config, identity, model)
        cleanup.callback(caller.close)
        server = cleanup.enter_context(page.served(caller, port))
        print(f"the page of {caller.name} listens at {page.address(server)} until Ctrl-C", flush=True)
        server.serve_forever()


@contextlib.contextmanager
def _local_service(model: str) -> Iterator[tuple[Any, Any, str]]:
    """Three nodes on this machine with a published model: their configuration, a caller's identity, its name."""
    import spu_ditto
    from ditto.parties.local import service
    from ditto.parties.session import RemoteParties
    from spu_ditto import models

    loaded = models.load(model)
    tokens = min(_TOKENS, loaded.positions or _TOKENS)
    print(f"compiling {loaded.name} for {tokens} tokens", file=sys.stderr)
    publication = _publication(loaded, [tokens])
    # Of what a directory may be called, what a publication may.
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", loaded.name).lstrip("._-")[:100] or "model"
    with service() as (config, identity):
        with contextlib.closing(RemoteParties(config, identity)) as parties:
            spu_ditto.publish(parties, name, **publication)
        yield config, identity, name


@app.command()
def withdraw(
    name: Annotated[str, typer.Argument(help="What it was published as.")],
    config: _ConfigFile,
    identity: _IdentityStem,
) -> None:
    """Has the nodes forget a model of yours."""
    from ditto.parties.connect import connect

    with _told(), connect(config, identity=identity) as parties:
        parties.withdraw(name)
        print(f"withdrew {name}")


# ------------------------------------------------------------------------------------------------ the compiler


@app.command()
def opt(
    file: Annotated[Path, typer.Argument(help="PPHLO text, as SPU's compiler gives it.", exists=True, dir_okay=False)],
    policy: Annotated[str, typer.Option(help="Ring policy: ditto or fm64.")] = "ditto",
    print_between_passes: Annotated[
        bool, typer.Option("--print-between-passes", help="Show the program after every pass.")
    ] = False,
    time_passes: Annotated[bool, typer.Option("--time-passes", help="Show how long each pass took.")] = False,
) -> None:
    """Runs the passes on a file and prints the result, in the ring dialect."""
    from ditto.dialects import pphlo
    from ditto.dialects.mlir_text import print_module
    from ditto.passes.pipeline import run_pipeline
    from spu_ditto.lowering import get_policy

    seconds: list[tuple[str, float]] = []

    def after_pass(done: Any, module: Any, elapsed: float) -> None:
        seconds.append((done.name, elapsed))
        if print_between_passes:
            print(f"// ----- after {done.name} -----\n{print_module(module)}")

    with _told():
        module = pphlo.parse_module(file.read_text(), str(file))
        run_pipeline(module, get_policy(policy), after_pass=after_pass)
    if not print_between_passes:
        print(print_module(module))
    if time_passes:
        table = Table("pass", "seconds", title="Time per pass")
        for name, elapsed in [*seconds, ("total", sum(s for _, s in seconds))]:
            table.add_row(name, f"{elapsed:.3f}")
        Console(stderr=True).print(table)


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove everything from it.")] = False,
) -> None:
    """Shows what compiled programs the cache on disk holds, or clears it."""
    from spu_ditto import disk_cache

    found = disk_cache.clear() if clear else disk_cache.entries()
    size = sum(entry.size for entry in found)
    print(f"{disk_cache.directory()}: {'removed ' if clear else ''}{len(found)} entries, {size / 1e6:.1f} MB", end="")
    print("" if clear else f" of at most {disk_cache.LIMIT_BYTES / 1e6:.0f} MB; --clear removes them")


if __name__ == "__main__":
    app()
