"""`tfadv verify`: what it prints and how it ends."""

import json
import shutil


def test_a_run_is_verified(tfadv, evaluated):
    run, _ = evaluated
    done = tfadv("verify", run)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok") for line in lines[:-2]) and len(lines) == 10
    result = json.loads((run / "result.json").read_text())
    assert lines[-1].endswith(f"robust accuracy at most {100 * result['robust_accuracy']:.1f} %.")


def test_an_altered_result_is_not(tfadv, evaluated, is_refused, tmp_path):
    run, _ = evaluated
    shutil.copytree(run, tmp_path / "copy")
    result = tmp_path / "copy" / "result.json"
    result.write_text(result.read_text().replace("digits", "digitz", 1))
    done = tfadv("verify", tmp_path / "copy", "--json")
    assert done.exit_code == 1
    facts = json.loads(done.stdout)
    assert facts["passed"] is False and "result.json is not as" in facts["checks"][0]["message"]
    assert "Not verified." in tfadv("verify", tmp_path / "copy").stdout
    is_refused(tfadv("verify", tmp_path / "nowhere"), "no result at")
