import json


def test_doctor_names_backends_devices_and_versions(call):
    done = call("doctor", "--json")
    told = json.loads(done.stdout)
    places = {(place["backend"], place["device"], place["dtype"]): place for place in told["backends"]}
    for dtype in ("float32", "float64"):
        cpu = places["metal", "cpu", dtype]
        assert cpu["available"]
        assert (cpu["facts"]["device"], cpu["facts"]["dtype"]) == ("cpu", dtype)
        assert told["auto"][dtype].partition(" ")[0] in {name for name, _, of in places if of == dtype}
    assert all(place["available"] != bool(place["reason"]) for place in places.values())
    assert told["packages"]["gmcore"] == "0.1.0"
    assert told["troubles"] == []
    assert done.exit_code == 0


def test_doctor_measures_what_can_compute(call):
    told = json.loads(call("doctor", "--bench", "--json").stdout)
    for place in told["backends"]:
        assert ("matmul_gflops" in place) == place["available"]
        assert place.get("step_microseconds", 1) > 0
