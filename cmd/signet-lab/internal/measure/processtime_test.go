package measure

import (
	"io"
	"os"
	"os/exec"
	"testing"
)

func TestProcessTimes_IncludeDescendants(t *testing.T) {
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; read -r _")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = child.Wait() }()
	if _, err := io.ReadFull(out, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}

	times, err := ProcessTimes([]Process{{"child", child.Process.Pid}, {"both", os.Getpid()}})
	if err != nil {
		t.Fatal(err)
	}
	if times["child"] < 5*clockTick || times["both"] < times["child"] {
		t.Errorf("processor times %v", times)
	}
	if _, err := ProcessTimes([]Process{{"none", 1 << 30}}); err == nil {
		t.Error("no error for a process that does not exist")
	}
}

func TestParseStat_NameWithParentheses(t *testing.T) {
	s := parseStat([]byte("7 (a) b (c) S 3 7 7 0 -1 0 0 0 0 0 10 20 30 40 20 0 1 0 5"))
	if s.parent != 3 || s.time != 100*clockTick {
		t.Errorf("parent %d, time %s", s.parent, s.time)
	}
}
