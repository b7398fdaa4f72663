"""What a closed loop at full speed does not show: tails at equal load, and a million connections."""
import pathlib

import measure
import setups

DELAY_MS, CONNECTIONS, THREADS = 4, 64, 2
BURST_CONNECTIONS, BURSTS, BURST_SECONDS = 1000000, 100, 3

# Each connection thinks before each request, so that a fast server is not offered more than a slow one.
_THINK = f"""
function delay()
   return math.random({DELAY_MS // 2}, {DELAY_MS * 3 // 2})
end
"""


def latency(results, build, folder, rounds, seconds, size="64"):
    """p99 of the stack and of the kernel with the same load offered to both."""
    group, runs = [], {}
    script = pathlib.Path(folder) / "think.lua"
    script.write_text(_THINK)
    try:
        group = [maker(build, folder / "latency") for maker in (setups.kernel, setups.convoy)]
        for _ in range(rounds):
            for setup in group:
                run = measure.wrk(setup.wrk, setup.url(size), CONNECTIONS, THREADS, seconds, setup.env, script)
                runs.setdefault(setup.name, []).append(run)
        print(f"\nequal load, {size} B: {'':8} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'cpu us':>7}")
        for name, values in runs.items():
            rps, p50, p99, cpu = (measure.spread([getattr(v, field) for v in values])[0]
                                  for field in ("rps", "p50_ms", "p99_ms", "cpu_us"))
            print(f"{name:28} {rps:8.0f} {p50:7.2f} {p99:7.2f} {cpu:7.1f}")
        ratios = sorted(a.p99_ms / b.p99_ms for a, b in zip(runs["convoy"], runs["kernel"]))
        results.add(f"talk.p99.convoy.{size}", "ms", measure.spread([v.p99_ms for v in runs["convoy"]])[0], "kernel",
                    measure.spread([v.p99_ms for v in runs["kernel"]])[0], rounds, ratios[0], ratios[-1])
    finally:
        for setup in reversed(group):
            setup.close()


def bursts(results, build, folder):
    """A million short connections over the stack, in bursts; then it must answer as before."""
    setup = setups.convoy(build, folder / "bursts")
    try:
        done = errors = 0
        for _ in range(BURSTS):
            run = measure.wrk(setup.wrk, setup.url("64"), CONNECTIONS, THREADS, BURST_SECONDS, setup.env,
                              headers=["Connection: close"])
            done, errors = done + run.requests, errors + run.errors
            if done >= BURST_CONNECTIONS:
                break
        setup.verify_bodies()
        print(f"{done} short connections in bursts of {BURST_SECONDS} s: {errors} errors, answers after it")
        results.add("talk.bursts.connections", "connections", done)
        results.add("talk.bursts.errors", "requests", errors)
    finally:
        setup.close()
