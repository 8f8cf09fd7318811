"""The commands that write, each with the folder of its outputs as the working directory."""

COMMANDS = {
    "match": "match {inputs}/a.npy {inputs}/b.npy --null-permutations 2 --memory 200MB --out pairs.nc",
    "match screened": "match {inputs}/a.npy {inputs}/b.npy --engine screened --out pairs.nc",
    "match several": "match {inputs}/model {inputs}/model-b {inputs}/model-c --text {inputs}/text --tokens 3000 "
    "--contexts 2 --out results",
    "simulate": "simulate --beta 1.5,2 --neurons 64,128,256 --runs 3 --out simulation.nc",
    "sweep": "sweep --beta 1.2:3:20 --neurons 1e3:1e6:20:log --memory 0.00001 --out sweep.nc",
    "toy": "toy --neurons 8,16 --beta 1.5 --seeds 2 --steps 60 --cache cache --out toy.nc",
    "train": "train {inputs}/tiny.toml --cache cache",
    "ladder": "ladder {inputs}/tiny.toml --cache {inputs}/cache --out results",  # of models that are trained
    "demo": "demo --ladder {inputs}/tiny.toml --cache cache --out results",
    "filter": "filter {inputs}/model --text {inputs}/labelled.jsonl --target prose --pairs {inputs}/text-pairs.nc "
    "--contexts 5 --runs 2 --batch 2 --out results",
    "judge": "judge {inputs}/image-pairs.nc --images {inputs}/images.npz --top 2,5 --main 5 --subsets 2 "
    "--subset-size 6 --validated 4 --cache cache --out judged.nc",
    "view": "view {inputs}/model {inputs}/model-b --text {inputs}/text --tokens 4000 --out viewer.html",
    "view images": "view {inputs}/image-pairs.nc --images {inputs}/images.npz --limit 6 --out viewer.html",
    "report": "report {inputs}/results --out report.html",
}
# Files that say when, or how long: there, but not to be compared.
TIMED = ("summary.json", "report.html", "training.json")
