"""Without an extra, everything that needs it ends in one message at once, and everything else works.

Modules are hidden from a new process by a finder that refuses them, as if they were not installed.
"""

import json
import pathlib
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from rosettalaw.errors import EXTRAS, PACKAGES, MissingExtraError, require_extra

ROOT = pathlib.Path(__file__).parents[2]
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
hidden = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Hidden())
"""
COMMANDS = (
    HIDE
    + """
import contextlib, io, json
from rosettalaw import cli
answers = []
for arguments in json.loads(sys.argv[2]):
    out, err = io.StringIO(), io.StringIO()
    code = "traceback"
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(arguments)
        except SystemExit as done:
            code = done.code
        except BaseException as error:
            err.write(repr(error))
    answers.append([code, out.getvalue()[-300:], err.getvalue()])
print(json.dumps(answers))
"""
)


def run(hidden, commands, cwd):
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, ",".join(hidden), json.dumps(commands)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    rng = np.random.default_rng(0)
    common = rng.standard_normal((600, 4))
    for name in "ab":
        np.save(folder / f"{name}.npy", common + 0.3 * rng.standard_normal((600, 4)))
    (folder / "counts.csv").write_text("neurons,count\n128,21\n256,33\n512,48\n1024,76\n")
    (folder / "model").mkdir()
    (folder / "model/config.json").write_text('{"model_type": "gpt2"}')
    (folder / "tiny.gguf").write_bytes(b"GGUF")
    (folder / "ladder.toml").write_text('name = "mine"\n')
    return folder


NEED = [
    ["match", "a.npy", "b.npy", "--engine", "screened"],
    ["match", "a.npy", "b.npy", "--device", "cuda"],
    ["match", "model", "model"],
    ["toy"],
    ["train", "quickstart"],
    ["ladder", "quickstart"],
    ["ladder", "ladder.toml"],
    ["filter"],
    ["demo"],
    ["demo", "--vision"],
]
WORK = [
    ["predict", "--beta", "2", "--neurons", "100"],
    ["plan", "--neurons-a", "1e4", "--neurons-b", "1e4", "--positions", "1e6"],
    ["plan", "--neurons-a", "1e4", "--neurons-b", "1e4", "--positions", "1e6", "--device", "h100"],
    ["fit", "counts.csv"],
    ["forecast", "counts.csv", "--neurons", "4096"],
    ["match", "a.npy", "b.npy"],
    ["match", "a.npy", "b.npy", "--null", "shift,rotation", "--json", "--out", "pairs.nc"],
    ["match", "a.npy", "b.npy", "--compute", "bfloat16", "--k", "2"],
    ["match", "--help"],
    ["demo", "--help"],
]


def test_without_any_extra(folder):
    commands = [*NEED, *WORK]
    answers = run(EXTRAS, commands, folder)
    for command, (code, out, err) in zip(commands, answers, strict=True):
        if command in NEED:
            assert code == 2, (command, err)
            assert err.startswith("error: torch is not installed. Try: "), command
            assert err.count("\n") == 1, command
            assert "[measure]" in err
        else:
            assert code == 0, (command, err)
            assert "error" not in err, command
            assert out


@pytest.mark.parametrize(
    ("module", "command", "extra"),
    [
        ("transformers", ["match", "model", "model"], "measure"),
        ("tokenizers", ["train", "quickstart"], "measure"),
        ("safetensors", ["demo"], "measure"),
        ("peft", ["filter"], "filter"),
        ("gguf", ["match", "tiny.gguf", "tiny.gguf"], "gguf"),
    ],
)
def test_each_extra_is_named_at_once(folder, module, command, extra):
    ((code, _, err),) = run([module], [command], folder)
    assert code == 2
    assert err.startswith(f"error: {module} is not installed. Try: ")
    assert f"[{extra}]" in err


def test_files_and_clusters_name_their_extra(folder):
    (folder / "a.zarr").mkdir()
    for name in ("a.parquet", "a.safetensors"):
        (folder / name).write_bytes(b"PAR1")
    needs = {"a.zarr": "zarr", "a.parquet": "pyarrow", "a.safetensors": "safetensors"}
    commands = [["match", name, "a.npy"] for name in needs]
    sweep = ["sweep", "--beta", "2", "--neurons", "1e3:1e4:3", "--out", "s.nc", "--scheduler", "tcp://127.0.0.1:1"]
    ladder = ["ladder", "quickstart", "--scheduler", "tcp://127.0.0.1:1"]
    answers = [
        *run([*needs.values(), "distributed"], [*commands, sweep], folder),
        *run(["distributed"], [ladder], folder),
    ]
    extras = EXTRAS | {"safetensors": "arrays"}  # of a file of activations: the smallest extra that reads it
    for module, (code, _, err) in zip([*needs.values(), "distributed", "distributed"], answers, strict=True):
        assert code == 2
        assert err.startswith(f"error: {module} is not installed. Try: "), err
        assert f"[{extras[module]}]" in err


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn"])
def test_tensors_that_numpy_lacks_name_torch(folder, kind):
    torch, save = pytest.importorskip("torch"), pytest.importorskip("safetensors.torch").save_file
    save({"p": torch.zeros(600, 4).to(getattr(torch, kind))}, str(folder / f"{kind}.safetensors"))
    ((code, _, err),) = run(["torch"], [["match", f"{kind}.safetensors", "a.npy"]], folder)
    assert code == 2
    assert err.startswith("error: torch is not installed. Try: ")
    assert "[measure]" in err


FUNCTIONS = (
    HIDE
    + """
import numpy as np
import rosettalaw as rl
common = np.random.default_rng(0).standard_normal((300, 40))
try:
    rl.match(common, common, engine="screened")
except rl.RosettaError as error:
    print(type(error).__name__, error)
print(rl.match(common, common).calibrated_count)
print(rl.fit([128, 256, 512], [21, 33, 48]).exponent > 0, rl.predict(neurons=9, beta=2)["count"].item() > 0)
"""
)


def test_functions_name_the_extra_or_work():
    done = subprocess.run(
        [sys.executable, "-c", FUNCTIONS, ",".join(EXTRAS)], capture_output=True, text=True, check=True
    )
    first, second, third = done.stdout.splitlines()
    assert first.startswith("MissingExtraError torch is not installed. Try: ")
    assert second == "40"
    assert third == "True True"


def test_every_optional_dependency_has_its_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for module, extra in EXTRAS.items():
        package = PACKAGES.get(module, module)
        if package == "huggingface_hub":  # transformers brings it
            continue
        assert any(line.startswith(package) for line in project["optional-dependencies"][extra]), package
        assert not any(line.startswith(package) for line in project["dependencies"]), package


def test_the_line_that_installs_fits_how_this_was_installed(monkeypatch):
    from importlib import metadata

    class Entry:
        def __init__(self, origin):
            self.origin = origin

        def read_text(self, name):
            return self.origin

    def message(*origins):
        monkeypatch.setattr(metadata, "distributions", lambda name: [Entry(origin) for origin in origins])
        with pytest.raises(MissingExtraError) as refused:
            require_extra("no_such_module")
        return str(refused.value)

    monkeypatch.setitem(EXTRAS, "no_such_module", "vision")
    assert message(None).endswith("Try: pip install 'rosettalaw[vision]'")
    tree = json.dumps({"dir_info": {"editable": True}, "url": ROOT.as_uri()})
    assert f"-m pip install -c {ROOT}/constraints.txt -e '{ROOT}[vision]'" in message(None, tree)
    gone = json.dumps({"dir_info": {}, "url": "file:///no/such/folder"})
    assert message(gone).endswith("Try: pip install 'rosettalaw[vision]'")


@pytest.mark.parametrize("hidden", ["torch", "transformers", "tokenizers", "safetensors"])
def test_a_ladder_without_its_extra_reads_no_text_and_makes_nothing(hidden, monkeypatch, tmp_path, capsys):
    import rosettalaw as rl
    from rosettalaw.empirical.ladder import train

    monkeypatch.setitem(sys.modules, hidden, None)
    monkeypatch.setattr(train, "open_corpus", lambda *_: pytest.fail("the text was read"))
    with pytest.raises(MissingExtraError, match=rf"^{hidden} is not installed. Try: .*measure"):
        rl.measure_ladder("quickstart", cache=tmp_path / "cache")
    assert not list(tmp_path.iterdir())
    assert capsys.readouterr().err == ""
