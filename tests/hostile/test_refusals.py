"""Every command that only refuses an option or an argument does so before any large library is loaded.

Loading one of them takes longer than a second. All refusals run in one process that looks for them after each.
"""

import json
import os
import subprocess
import sys

import numpy as np

HEAVY = ["torch", "transformers", "xarray", "pandas", "matplotlib", "numba", "dask", "distributed", "peft"]
HEAVY += ["scipy.stats", "scipy.optimize"]

# Files: a.npy and b.npy (120 × 6), a.jsonl, junk.* and folder. HF_HUB_OFFLINE is set.
REFUSED = """
match nowhere-a.npy nowhere-b.npy
match nowhere nowhere2
match owner/nowhere owner/nowhere2
match "a name" b
match /no/a /no/b
match a.npy junk.npy
match a.npy junk.csv
match a.npy b.npy --q 3
match a.npy b.npy --contexts -1
match a.npy b.npy --weights float8
match x y --weights float8
match a.npy b.npy --site wrong
match x y --site wrong
match x y --site sae:nowhere
match x y --site sae:nowhere@6
match x y --context 0
match a.npy b.npy --null wrong:3
match a.npy b.npy --null untrained:3
match a.npy b.npy --null documents:3
match a.npy b.npy --spool int8
match a.npy b.npy --engine fast
match a.npy b.npy --compute int4
match a.npy b.npy --memory lots
match a.npy b.npy --memory 1KB
match a.npy b.npy --jackknife 1
match a.npy b.npy --engine screened --recall 2
match a.npy b.npy --engine screened --buckets 0
match a.npy b.npy --engine screened --candidates 0
match a.npy b.npy --engine screened --compute tf32
match a.npy b.npy --buckets 3
match a.npy b.npy --k 0
match a.npy b.npy --k 99
match a.npy b.npy --tokens 0
match x y --tokens 0
match a.npy b.npy --seed -1
match x y --images nowhere
match x y --images folder
match x y --timestep 3
match a.npy b.npy c --images x
match a.npy b.npy --layers-a x
match a.npy b.npy --layers-a 9
match x y --text nowhere.jsonl
match x y z --text nowhere.jsonl
match a.npy y
match a.npy b.npy --out pairs.csv
match a.npy b.npy --out junk.nc
match a.npy b.npy --out a.npy
match a.npy b.npy --device tpu
match a.npy b.npy --documents nowhere.npy
match a.npy b.npy --documents junk.npy
match a.npy b.npy --documents a.npy
match x y --documents a.npy
match x y --device-map wrong
match x y --pattern wrong
match x y z --timestep 3
match x y z --out junk.nc
match x y z --k 0
match x y z
match x
match a.npy b.npy --wrong 3
match a.npy b.npy --untrained 3
view nowhere.nc
view junk.nc
view a.npy
view x
view x y
view x y --limit 0
view x y --tokens 0
view x y --memory lots
view x y --device tpu
view /no/a /no/b
view x y --out folder
view x y --text nowhere.jsonl
view junk.nc --images nowhere
ladder nowhere.toml
ladder nowhere
ladder junk.toml
ladder broken.toml
ladder quickstart --engine x
ladder quickstart --weights x
ladder quickstart --device tpu
ladder quickstart --device-map wrong
ladder quickstart --scheduler nowhere
ladder quickstart --scheduler tcp://127.0.0.1:1
ladder quickstart --workers 0
ladder quickstart --categories nowhere.csv
ladder quickstart --categories junk.csv
ladder quickstart --text nowhere.jsonl
ladder quickstart --out junk.nc
ladder quickstart --cache junk.nc
ladder --template folder
ladder
ladder nowhere --check
ladder junk.toml --check
ladder quickstart --check --engine x
plan --neurons-a 0 --neurons-b 1 --positions 1
plan --neurons-a 10 --neurons-b 10 --positions 0
plan --neurons-a 10 --neurons-b 10 --positions 100 --spool x
plan --neurons-a 10 --neurons-b 10 --positions 100 --device foo
plan --neurons-a 10 --neurons-b 10 --positions 100 --memory x
plan --neurons-a 10 --neurons-b 10 --positions 100 --width 0
cache wrong
cache --kind wrong
cache --older-than x
cache --cache junk.nc
filter nowhere nowhere2 --text nowhere.jsonl --target y
filter nowhere nowhere2 --text nowhere.jsonl --target y --runs -1
filter nowhere nowhere2 --text junk.csv --target y --pairs nowhere.nc
filter nowhere nowhere2 --text junk.csv --target y --pairs junk.nc
filter nowhere nowhere2
filter --runs -1
filter --rank 0
filter --batch 0
filter --learning-rate 0
filter --weight-decay -1
filter --choosing 2
filter --budget 0
filter --contexts 0
filter --passage -1
filter --tokens 0
filter --context 0
filter --ladder nowhere
filter --device tpu
filter --text nowhere.jsonl
filter --tune x
filter --pairs x
filter --selection folder
filter --out junk.nc
filter --cache junk.nc
judge nowhere.nc --images folder
judge junk.nc --images folder
judge junk.nc
judge junk.nc --images folder --side c
judge junk.nc --images folder --judge wrong
judge junk.nc --images folder --top x
judge junk.nc --images folder --memory lots
judge junk.nc --images folder --subsets 0
train nowhere
train junk.toml
train broken.toml
train quickstart --family wrong
train quickstart --workers 0
train quickstart --cache junk.nc
fit nowhere.csv
fit junk.csv
fit junk.nc
fit folder
fit junk.csv --posterior 3
forecast nowhere.csv --neurons 1e4
forecast junk.csv --neurons 1e4
forecast junk.csv --neurons x
triangle nowhere.csv
triangle junk.csv
triangle junk.nc
triangle junk.csv --threshold 2
triangle junk.csv --shares x
design --beta 0
design --neurons x
design --neurons 5
design --seeds 0
design --positions 0
design --seed-sd 9
design --count 0
design --tokens 1
design --halfwidth 0
design --hours 3
design --halfwidth 0.1 --hours 0
design --picture x.png
design --from nowhere.nc
design --from junk.nc
design --from junk.csv
compare nowhere
compare junk.nc
compare junk.csv
compare --no-references
compare --figure folder
figures nowhere
figures folder --only wrong
figures junk.nc
figures folder --out junk.nc
report nowhere
report junk.nc
report folder
report folder --out junk.nc
demo --ladder nowhere
demo --ladder junk.toml
demo --workers 0
demo --out junk.nc
demo --cache junk.nc
predict --beta 2 --neurons x
predict --beta 2 --neurons 8 --kappa 0
predict --beta 2 --neurons 8 --gamma 0
predict --beta 2 --neurons 8 --limit wrong
sweep --beta x --neurons 3 --out s.nc
sweep --beta 2 --neurons 3 --out junk.nc
sweep --beta 2 --neurons 3 --out s.nc --scheduler nowhere
sweep --beta 2 --neurons 3 --out s.nc --limit wrong
derive nothing
derive --step 99
derive --utility s --at x
derive --step 1 --utility s
derive --latex folder
simulate --neurons 0
simulate --beta x
simulate --runs 0
simulate --inputs 0
simulate --engine wrong
simulate --workers 0
simulate --kappa 0
simulate --pool wrong
simulate --noise -1
simulate --idle 2
simulate --threshold 2
simulate --background -1
simulate --out junk.nc
sensitivity --beta -1
sensitivity --neurons x
sensitivity --runs 0
sensitivity --engine wrong
sensitivity --neurons 3
filter --target nowhere
filter --ladder nowhere
filter --budget 0
filter x y --text python --target nowhere
filter x y --text a.jsonl --target prose
filter /no/a /no/b --text a.jsonl --target prose
filter folder y --text a.jsonl --target prose --tune /no/c
filter x --text a.jsonl --target prose --pairs junk.nc
toy --neurons 0
toy --beta x
toy --seeds 1
toy --configurations wrong
toy --steps 0
toy --cache junk.nc
toy --out junk.nc
wrong
--wrong
"""

EACH = """
import contextlib, io, json, shlex, sys
from rosettalaw import cli
heavy, refused = json.load(sys.stdin)
for words in refused:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            cli.main(shlex.split(words))
        code = None
    except SystemExit as end:
        code = end.code
    loaded = [name for name in heavy if name in sys.modules]
    print(json.dumps([words, code, said.getvalue().strip().splitlines()[-1:], loaded]), flush=True)
    if loaded or code != 2:
        break
"""


def test_nothing_large_is_loaded_for_a_refusal(tmp_path):
    for seed, name in enumerate("ab"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(seed).standard_normal((120, 6)))
    lines = [json.dumps({"text": "a b c", "meta": {"pile_set_name": name}}) for name in ("prose", "code")]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    texts = {"nc": "no netCDF", "csv": "a,b\n1,2\n", "toml": "[x]\ny = 1\n", "npy": "no array"}
    for suffix, text in texts.items():
        (tmp_path / f"junk.{suffix}").write_text(text)
    (tmp_path / "broken.toml").write_text("[[[")
    (tmp_path / "folder").mkdir()
    settings = {"HF_HUB_OFFLINE": "1", "ROSETTALAW_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hub")}
    left = REFUSED.strip().splitlines()
    done = subprocess.run(
        [sys.executable, "-c", EACH],
        input=json.dumps([HEAVY, left]),
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = [row for row in rows if row[1] != 2 or row[3] or not "".join(row[2]).startswith("error: ")]
    assert not wrong, wrong
    assert len(rows) == len(left), done.stderr[-2000:]
