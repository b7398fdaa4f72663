"""convoy capture: what passes an interface, as tcpdump reads it."""
import os
import subprocess

from harness import wait


def capture_command(build, stack, *arguments):
    return [str(build / "convoy"), "--socket", str(stack.socket), "capture", *arguments]


def test_capture_of_a_tap(netns, convoyd, build, tmp_path):
    space = netns("lan")
    tap = {"host_addresses": ["10.9.0.2/24"]}
    stack = convoyd({"interfaces": [{"name": "lan", "tap": tap}]}, netns=space)
    path = tmp_path / "lan.pcapng"
    capture = subprocess.Popen(
        capture_command(build, stack, "lan", "--output", str(path), "--count", "1", "--filter", "arp"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait.until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "the capture has begun")
    space.run("ping", "-c1", "-W1", "10.9.0.1", check=False)
    output, _ = capture.communicate(timeout=10)
    assert capture.returncode == 0, output
    assert "1 packets captured, 0 lost" in output
    seen = subprocess.run(["tcpdump", "-nr", str(path)], capture_output=True, text=True).stdout
    assert "10.9.0.1 tell 10.9.0.2" in seen


def test_unknown_interface_and_bad_filter(convoyd, build, tmp_path):
    stack = convoyd({"interfaces": [{"name": "lo0", "loop": {}}]})
    for arguments, message in ((["nowhere"], 'no interface "nowhere"'),
                               (["lo0", "--filter", "what is this"], "what is this")):
        command = capture_command(build, stack, *arguments, "--output", str(tmp_path / "x"))
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        assert done.returncode == 1, done
        assert message in done.stderr


def test_a_capture_that_cannot_begin_leaves_no_file(convoyd, convoy, tmp_path):
    stack = convoyd({"interfaces": [{"name": "lo0", "loop": {}}]})
    assert convoy("capture", "nope", "--output", "new", env=stack.env).returncode == 1
    assert not (tmp_path / "new").exists()
    (tmp_path / "old").write_text("")
    assert convoy("capture", "nope", "--output", "old", env=stack.env).returncode == 1
    assert (tmp_path / "old").exists()


def test_a_client_that_goes_ends_its_capture(convoyd, build):
    stack = convoyd({"interfaces": [{"name": "lo0", "loop": {}}]})
    for _ in range(3):
        capture = subprocess.Popen(capture_command(build, stack, "lo0", "--output", "-"),
                                   stdout=subprocess.PIPE)
        assert capture.stdout.read(4) == b"\x0a\x0d\x0d\x0a"
        capture.kill()
        capture.wait()

        def free_again():
            command = capture_command(build, stack, "lo0", "--output", "/dev/full")
            return "No space left" in subprocess.run(command, capture_output=True, text=True,
                                                     timeout=10).stderr
        wait.until(free_again, "the interface can be captured again")
