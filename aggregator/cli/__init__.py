"""The command line: one module per group of commands.

Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aggregator.cli import (
    adding,
    cluster,
    configuration,
    daemon,
    etiquette,
    fixtures,
    items,
    maintenance,
    outputs,
    preview,
    review,
    rules,
    status,
    subscriptions,
    update,
)
from aggregator.cli.console import say
from aggregator.cli.process import report_errors, status_summary

_UPDATE = "`aggregator update` fetches what is due."
#: Commands of other programs, and what does the same here.
_ADVICE = {
    "import": "`aggregator opml import FILE` imports an OPML file.",
    "subscribe": "`aggregator add URL` adds a source.",
    "follow": "`aggregator add URL` adds a source.",
    "discover": "`aggregator add URL` shows what an address offers.",
    "search": "`aggregator add URL` shows what an address offers.",
    "edit": "Sources are in feeds.yaml; `aggregator add`, `move`, `rename`, `pause` and `remove` edit it.",
    "fetch": _UPDATE,
    "pull": _UPDATE,
    "refresh": _UPDATE,
    "sync": _UPDATE,
    "try": "`aggregator preview SOURCE` shows what a source gives.",
    "record": "`aggregator capture SOURCE` keeps what a source answers.",
    "ls": "`aggregator status` lists the sources, `aggregator list` the items.",
    "why": "`aggregator explain ITEM` says what came of an item.",
    "info": "`aggregator status ID` shows one source.",
    "delete": "`aggregator remove ID` removes a source.",
    "rm": "`aggregator remove ID` removes a source.",
    "unsubscribe": "`aggregator remove ID` removes a source.",
    "disable": "`aggregator pause ID` stops fetching a source for now.",
    "enable": "`aggregator resume ID` fetches a paused source again.",
    "migrate": "`aggregator copy-database FROM TO` copies a database to another one.",
    "export": "`aggregator opml export` prints the sources; merged feeds are below `data/public/`.",
    "build": "`aggregator publish` writes posts and feeds.",
    "generate": "`aggregator publish` writes posts and feeds.",
    "daemon": "`aggregator run` is the daemon.",
    "start": "`aggregator run` is the daemon.",
    "serve": "`aggregator run` is the daemon; any web server can serve `data/public/`.",
    "lint": "`aggregator check` checks feeds.yaml.",
    "test": "`aggregator check` checks feeds.yaml; `aggregator rules test` tries the rules on what is stored.",
    "approve": "`aggregator review` decides on items that wait.",
    "moderate": "`aggregator review` decides on items that wait.",
    "validate": "`aggregator check` checks feeds.yaml.",
    "version": "`aggregator --version` shows the version.",
    "help": "`aggregator --help` shows the commands.",
}
_FILES = (".yaml", ".yml")


class Commands(TyperGroup):
    """The commands, with advice for calls that other programs understand and this one does not."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reject an option of a command that is written before the command."""
        option = args[0].partition("=")[0] if args else ""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if option.startswith("-") and option not in own:
            users = [name for name, command in self.commands.items() if option in _options(command)]
            if users:
                command = next((one for one in args if one in users), users[0])
                ctx.fail(f"{option} belongs after the command: aggregator {command} {option} …")
            if option == "-V":
                ctx.fail(f"No such option: {option}. {_ADVICE['version']}")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command of a call, or name the one that does the same."""
        name = args[0]
        if name not in self.commands and (advice := _ADVICE.get(name.strip().lower())):
            ctx.fail(f"No such command {name!r}. {advice}")
        found, command, rest = super().resolve_command(ctx, args)
        if command is not None and rest and rest[0].endswith(_FILES) and not _arguments(command):
            ctx.fail(f"The configuration is named with --config: aggregator {name} --config {rest[0]}")
        return found, command, rest


def _options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")}


def _arguments(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "argument"]


app = typer.Typer(
    name="aggregator",
    cls=Commands,
    help="Pull feeds and pages, write posts for a static site generator, and publish merged feeds.",
    epilog=f"Start with: aggregator init, aggregator add URL, aggregator update. Exit status: {status_summary()}.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from aggregator import __version__

        say(f"aggregator {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Pull feeds and pages, write posts for a static site generator, and publish merged feeds."""


for command in (
    configuration.init,
    configuration.check,
    configuration.schema,
    adding.add,
    preview.preview,
    fixtures.capture,
    update.update,
    update.publish,
    daemon.run,
    cluster.worker,
    status.status,
    status.health,
    etiquette.etiquette,
    items.show,
    items.explain,
    review.review,
    rules.replay,
    outputs.outputs,
    configuration.fix,
    adding.move,
    adding.rename,
    configuration.remove,
    configuration.pause,
    configuration.resume,
    maintenance.reset,
    maintenance.backup,
    maintenance.vacuum,
    update.demo,
):
    app.command()(report_errors()(command))
app.command("list")(report_errors()(items.list_items))
app.command("copy-database")(report_errors()(maintenance.copy_database))
app.command("not-duplicate")(report_errors()(review.not_duplicate))

_rules = typer.Typer(name="rules", help="Try the rules of feeds.yaml on what is stored.", no_args_is_help=True)
_rules.command("test")(report_errors()(rules.test))
app.add_typer(_rules)

_cluster = typer.Typer(name="cluster", invoke_without_command=True)
_cluster.callback()(report_errors()(cluster.cluster))
_cluster.command("adopt")(report_errors()(cluster.adopt))
app.add_typer(_cluster)

_opml = typer.Typer(name="opml", help="Import and export lists of subscriptions.", no_args_is_help=True)
_opml.command("import")(report_errors()(subscriptions.import_list))
_opml.command("export")(report_errors()(subscriptions.export))
app.add_typer(_opml)
