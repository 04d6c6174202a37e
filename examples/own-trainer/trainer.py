"""A whole trainer in plain Python: a perceptron on two noisy clouds."""

import json
import random
import sys

DEFAULTS = {"learning_rate": 0.1, "steps": 200, "overlap": 1.0}


def clouds(rng, count, overlap):
    sides = [rng.choice((-1, 1)) for _ in range(count)]
    return [(rng.gauss(side, overlap), rng.gauss(side, overlap), side) for side in sides]


def train(seed, config):
    if unknown := set(config) - set(DEFAULTS):
        return {"outcome": "refused", "reason": f"unknown {unknown}; it takes {[*DEFAULTS]}"}
    config, w = DEFAULTS | config, [0.0, 0.0, 0.0]
    for x, y, side in clouds(random.Random(seed), config["steps"], config["overlap"]):
        if side * (w[0] * x + w[1] * y + w[2]) <= 0:
            w = [a + config["learning_rate"] * side * b for a, b in zip(w, (x, y, 1), strict=True)]
    exam = clouds(random.Random("exam"), 1000, config["overlap"])
    right = sum(side * (w[0] * x + w[1] * y + w[2]) > 0 for x, y, side in exam)
    return {"outcome": "finished", "metrics": {"accuracy": right / len(exam)}}


verb, path = sys.argv[1:]
request = json.load(open(path))
if verb == "run":
    for each in request["trials"]:
        end = train(each["seed"], each["config"])
        print(json.dumps({"event": "ended", "trial": each["trial"], **end}), flush=True)
else:
    costs = [{"params": 3, "seconds": {"cpu": 0.1}} for _ in request["configs"]]
    known = {name: {"type": type(value).__name__} for name, value in DEFAULTS.items()}
    metrics = {"accuracy": {"unit": "share"}}
    print(json.dumps({"parameters": known, "metrics": metrics, "costs": costs}))
