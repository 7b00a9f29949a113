"""The command line. Exit status: 0 done; 1 a run failed or a claim did not hold; 2 the input is wrong.

Heavy imports stand inside commands, so that help is there at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import typer

from ecosystem.cli import compare as cli_compare
from ecosystem.cli import installation
from ecosystem.cli import results as cli_results
from ecosystem.cli import resume as cli_resume
from ecosystem.cli import run as cli_run
from ecosystem.cli import sweep as cli_sweep
from ecosystem.cli import value as cli_value
from ecosystem.cli import view as cli_view
from ecosystem.cli.options import Arm, Sets, Source, asked
from ecosystem.errors import InputError

app = typer.Typer(
    name="ecosystem",
    help="An instrument for studying ecosystems of generative models that publish to, and train from, one web.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_scenarios() -> None:
    """The scenarios with their questions."""
    from ecosystem.files import scenario_file

    names = scenario_file.names()
    width = max(map(len, names), default=0)
    for name in names:
        print(f"{name:<{width}}  {scenario_file.question(name)}".rstrip())


@app.command()
def show(source: Source, sets: Sets = None, arm: Arm = "") -> None:
    """The complete scenario file; what it prints runs.

    Every default is written out.
    """
    from ecosystem.files import scenario_file

    spec = asked(source, sets)
    sys.stdout.write(scenario_file.to_yaml(spec.arm(arm) if arm else spec))


@app.command()
def schema() -> None:
    """JSON Schema of a scenario file, for editors."""
    import json

    from ecosystem.files import json_schema

    print(json.dumps(json_schema.schema(), indent=2, ensure_ascii=False))


app.command()(cli_run.run)
app.command()(cli_compare.compare)
app.command()(cli_sweep.sweep)
app.command()(cli_value.value)
app.command()(cli_run.check)
app.command()(cli_run.theory)
app.command()(cli_run.report)
app.command()(cli_resume.resume)
app.command()(cli_results.export)
app.command()(cli_results.verify)
app.command()(cli_view.view)
app.command()(cli_view.doctor)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command (of the process's own arguments) and gives the exit status.

    Wrong input is one line a mistake on standard error.
    """
    wrong = installation.problem()
    if wrong:
        return _refuse([wrong])
    try:
        given = sys.argv[1:] if arguments is None else arguments
        return app(args=given or ["--help"], prog_name="ecosystem", standalone_mode=False) or 0
    except InputError as error:
        return _refuse(error.lines)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return _refuse([f"ecosystem: {' '.join(error.format_message().split())}"])  # a wrong option or command


def _refuse(lines: Iterable[str]) -> int:
    print("\n".join(lines), file=sys.stderr)
    return 2
