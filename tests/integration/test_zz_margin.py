import importlib.util, json

spec = importlib.util.spec_from_file_location("t", "/work/main/tests/integration/test_export.py")
t = importlib.util.module_from_spec(spec)
spec.loader.exec_module(t)
run, photos = t.run, t.photos


def test_m(run, tiny_bundle, photos, scene):
    run("add", str(tiny_bundle.path))
    for v in range(4):
        made = run("export", "tiny", "--to", "int8", "--photos", str(photos), "--version", f"9{v}")
        print(t.words(made)[-900:])
    models = json.loads(run("list", "--json").stdout)["models"]
    from pathlib import Path

    for m in models:
        if m["version"].startswith("9"):
            with t.open_engine(Path(m["path"]), "openvino-int8", decoders=1, threads=1) as e:
                print(
                    [
                        (
                            v.decision.value,
                            v.reason,
                            v.tags[:1],
                            {k: (s.value, s.threshold) for k, s in v.scores.items()},
                        )
                        for v in [e.judge_one(scene("sea", 900))]
                    ]
                )
