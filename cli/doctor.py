"""`tfadv doctor`."""

import click

from . import doctor_checks, options, output


@click.command()
@options.data_dir
@options.as_json
@click.pass_context
def doctor(ctx, data_dir, as_json):
    """Check versions, devices, memory, disk and data, and say what to do about each problem.

    Ends with exit code 1 if something is broken.
    """
    checks = doctor_checks.run(data_dir)
    broken = [check for check in checks if check["status"] == "problem"]
    if as_json:
        output.as_json({"ok": not broken, "checks": checks})
    else:
        show(checks, broken)
    ctx.exit(1 if broken else 0)


def show(checks, broken):
    color = {"ok": "green", "note": "yellow", "problem": "red"}
    names, words = (max(len(check[key]) for check in checks) for key in ("name", "status"))
    for check in checks:
        status = click.style(check["status"].ljust(words), fg=color[check["status"]])
        output.line(f"{status}  {check['name'].ljust(names)}  {check['value']}".rstrip())
        if check["advice"]:
            output.line(f"{' ' * words}  {' ' * names}  -> {check['advice']}")
    problems = f"{len(broken)} problem{'s' if len(broken) > 1 else ''} to mend." if broken else "Nothing is broken."
    output.line(f"\n{problems}")
