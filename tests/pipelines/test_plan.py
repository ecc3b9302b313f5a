from pipelines.benchmarks.plan import table

ROWS = [
    {"benchmark": "encode", "name": "vaefeat.encode", "rows_per_second": 2_000_000.0},
    {"benchmark": "training", "name": "vaefeat", "batch_size": 100, "n_samples": 1, "seconds_per_epoch": 1.0},
    {
        "benchmark": "training",
        "name": "vaefeat",
        "batch_size": 256,
        "n_samples": 9,
        "seconds_per_epoch": 1e-4,
    },
]


def test_the_plan_multiplies_what_was_measured():
    lines = table({"machine": {"cores": 2}, "rows": ROWS}).splitlines()[2:]
    takes = [line.split("|")[3].strip() for line in lines]
    assert takes == [
        "3.1 TB",
        "200 GB",
        "0.3 hours of one core",
        "0 minutes",
        "201 GB per second",
        "3 hours",
        "3.1 TB",
        "12 GB",
    ]
