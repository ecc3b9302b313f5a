from vaefeat.serving.statistics import Statistics


def test_a_model_that_has_done_nothing_has_zeros():
    entry = Statistics().to_dict()
    assert (entry["inference_count"], entry["execution_count"], entry["last_inference"]) == (0, 0, 0)
    assert entry["batch_stats"] == []
    assert set(entry["inference_stats"]) == {
        *("success", "fail", "queue", "cache_hit", "cache_miss"),
        *("compute_input", "compute_infer", "compute_output"),
    }
    assert all(each == {"count": 0, "ns": 0} for each in entry["inference_stats"].values())


def test_rows_and_runs_are_counted_by_the_size_of_the_batch():
    statistics = Statistics()
    statistics.add_run(3, 0.25, [0.5, 1.0])
    statistics.add_run(1, 0.125, [0.0])
    statistics.add_run(3, 0.25, [0.0])
    entry = statistics.to_dict()
    assert (entry["inference_count"], entry["execution_count"]) == (7, 3)
    assert entry["last_inference"] > 1.7e12
    assert entry["inference_stats"]["queue"] == {"count": 4, "ns": 1_500_000_000}
    assert entry["inference_stats"]["compute_infer"] == {"count": 3, "ns": 625_000_000}
    found = [(each["batch_size"], each["compute_infer"]) for each in entry["batch_stats"]]
    assert found == [(1, {"count": 1, "ns": 125_000_000}), (3, {"count": 2, "ns": 500_000_000})]
