"""`livematte doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from livematte import __version__
from livematte.cli.config import problem_of, settings_path
from livematte.cli.options import switch
from livematte.cli.terminal import EXIT_FAILURE, console, reported

if TYPE_CHECKING:
    from livematte.doctor.finding import Finding, Report

_COLOURS: Final = {"ok": "green", "note": "blue", "problem": "red"}

_WORKS: Final = "livematte works on this computer."
_DOES_NOT_WORK: Final = "livematte does not work on this computer yet: see the problems above."


def doctor(
    context: typer.Context,
    as_json: Annotated[
        bool,
        switch("json", "Print JSON, for programs."),
    ] = False,
) -> None:
    """Check what works on this computer, and how to fix what doesn't.

    It installs nothing, and on Linux it switches no camera on.

    The exit code is 1 if livematte cannot run: this Python version is not
    supported, the bundled weights are missing or damaged, or the short run of the
    demo at the end fails. Otherwise it is 0, even if there are other problems:
    each affects only a part, such as a camera or the window.
    """
    with reported():
        from livematte.doctor.examination import CHECKS, examine
        from livematte.doctor.finding import Check

        reports = []
        out = Console(highlight=False, soft_wrap=True, emoji=False)
        checks = (Check("settings", lambda: [_check_settings(context)]), *CHECKS)
        examined = examine(checks)
        for check in checks:
            with console.status(f"checking: {check.name}"):
                report = next(examined)
            reports.append(report)
            if not as_json:
                for finding in report.findings:
                    out.print(_as_text(check.name, finding))
        stopped = any(report.stops_livematte for report in reports)
        if as_json:
            typer.echo(json.dumps(_as_dict(reports, works=not stopped), indent=2))
        else:
            out.print(f"\n{_DOES_NOT_WORK if stopped else _WORKS}")
        if stopped:
            raise typer.Exit(EXIT_FAILURE)


def _check_settings(context: typer.Context) -> Finding:
    """Whether the settings file, the default one or `--config`, can be used."""
    from livematte.doctor.finding import ok, problem

    if (wrong := problem_of(context)) is not None:
        return problem(wrong.problem, wrong.remedy)
    path = settings_path(context)
    if path is None:
        return ok("none are used")
    return ok(str(path) if path.exists() else f"none; they would be in {path}")


def _as_text(name: str, finding: Finding) -> str:
    """A command has a line of its own, so that it can be copied."""
    status = finding.status.value
    mark = f"[bold {_COLOURS[status]}]{status:<7}[/]"
    lines = [f"{mark} [bold]{name}[/]: {escape(finding.text)}"]
    lines += [f"        {escape(each)}" for each in (*finding.details, finding.fix) if each]
    if finding.command:
        lines.append(f"            {escape(finding.command)}")
    return "\n".join(lines)


def _as_dict(reports: list[Report], *, works: bool) -> dict[str, Any]:
    import platform  # slow to load, and only JSON needs it

    return {
        "livematte": __version__,
        "system": platform.platform(),
        "works": works,
        "findings": [
            {
                "check": report.check.name,
                "essential": report.check.essential,
                **asdict(finding),
                "status": finding.status.value,
            }
            for report in reports
            for finding in report.findings
        ],
    }
