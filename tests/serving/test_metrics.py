from vaefeat.serving.metrics import Histogram, Metrics
from vaefeat.serving.workers import Board


def lines(metrics, start):
    return [line for line in metrics.exposition().decode().splitlines() if line.startswith(start)]


def test_a_histogram_counts_values_up_to_each_bound():
    histogram = Histogram([1.0, 2.0])
    for value in (0.5, 1.0, 1.5, 3.0):
        histogram.observe(value)
    assert histogram.to_dict() == {"counts": [2, 1, 1], "sum": 6.0}


def test_what_was_counted_is_exposed_by_model():
    metrics = Metrics()
    model = metrics.of("a")
    model.observe_run(3, 0.5, [0.25, 0.25])
    model.observe_success("200", 1.5)
    model.observe_error("400", "invalid", 0.1)
    metrics.observe_load("served")
    model.watch_queue(lambda: 7)
    assert lines(metrics, "vaefeat_requests_total") == [
        'vaefeat_requests_total{model="a",status="200"} 1.0',
        'vaefeat_requests_total{model="a",status="400"} 1.0',
    ]
    assert lines(metrics, "vaefeat_errors_total") == ['vaefeat_errors_total{model="a",reason="invalid"} 1.0']
    assert lines(metrics, "vaefeat_loads_total") == [
        'vaefeat_loads_total{outcome="served"} 1.0',
        'vaefeat_loads_total{outcome="refused"} 0.0',
    ]
    assert lines(metrics, "vaefeat_queue_rows") == ['vaefeat_queue_rows{model="a"} 7.0']
    assert lines(metrics, "vaefeat_queue_seconds_sum") == ['vaefeat_queue_seconds_sum{model="a"} 0.5']
    assert 'vaefeat_batch_rows_bucket{le="2.0",model="a"} 0.0' in lines(metrics, "vaefeat_batch_rows")
    assert 'vaefeat_batch_rows_bucket{le="4.0",model="a"} 1.0' in lines(metrics, "vaefeat_batch_rows")


def test_all_versions_of_a_model_are_counted_together():
    metrics = Metrics()
    for _ in range(2):
        metrics.of("a").observe_success("200", 0.0)
    assert lines(metrics, "vaefeat_requests_total") == ['vaefeat_requests_total{model="a",status="200"} 2.0']


def test_processes_have_one_view_and_a_replacement_counts_on():
    board = Board(2)
    first = Metrics()
    first.share(board)
    first.of("a").observe_success("200", 0.5)
    first.publish()

    board.slot = 1
    second = Metrics()
    second.share(board)
    second.of("a").observe_success("200", 1.0)
    second.of("b").observe_success("200", 1.0)
    expected = [
        'vaefeat_requests_total{model="a",status="200"} 2.0',
        'vaefeat_requests_total{model="b",status="200"} 1.0',
    ]
    assert lines(second, "vaefeat_requests_total") == expected
    assert lines(second, "vaefeat_request_seconds_sum")[0].endswith(" 1.5")
    second.publish()

    board.slot = 0
    replacement = Metrics()
    replacement.share(board)
    assert lines(replacement, "vaefeat_requests_total") == expected
