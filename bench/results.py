"""What build/bench/results.json holds; a run replaces only the names that it measured."""
import json


class Results:
    def __init__(self, path):
        self.path, self.rows = path, []

    def add(self, name, unit, value, baseline=None, baseline_value=None, runs=1, low=None, high=None):
        ratio = value / baseline_value if baseline_value else None
        self.rows.append({"name": name, "unit": unit, "value": value, "baseline": baseline,
                          "baseline_value": baseline_value, "ratio": ratio, "runs": runs,
                          "min": low if low is not None else value, "max": high if high is not None else value})

    def save(self):
        old = json.loads(self.path.read_text()) if self.path.exists() else []
        names = {row["name"] for row in self.rows}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps([r for r in old if r["name"] not in names] + self.rows, indent=1) + "\n")
