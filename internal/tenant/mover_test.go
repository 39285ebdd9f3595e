package tenant

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

func moveInput(m Move, startedAt time.Time) MoveInput {
	return MoveInput{Move: m, Execution: task.Execution{ARN: arn("one"), StartedAt: startedAt, State: "MoveTenant"}}
}

func TestMoverTellsHowLongTheRecoveryTook(t *testing.T) {
	for took, want := range map[time.Duration]float64{
		0: 0, 272*time.Second + 340*time.Millisecond: 272.3, 59*time.Second + 960*time.Millisecond: 60, 2 * time.Hour: 7200,
	} {
		w := newWorld(t, newMemory(t), "tenants")
		w.registered()
		held := w.locked("one")
		in := moveInput(newServer(held.Fencing, 2), w.clock())
		w.pass(took)
		got, err := Mover{Registry: w.registry(), Now: w.clock}.Move(t.Context(), in)
		if want := (Recovered{Moved: Moved{"acme", 2}, RecoverySeconds: want}); err != nil || got != want {
			t.Errorf("after %v: %+v, %v; want %+v", took, got, err, want)
		}
		if now := w.tenant(); now.VPS != in.VPS {
			t.Errorf("the registry has %+v", now.VPS)
		}
	}
}

func TestMoverSaysNothingOfARecoveryThatLostItsLease(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	w.registered()
	old := w.locked("one")
	w.end(arn("one"))
	w.locked("two")
	before := w.tenant()
	got, err := Mover{Registry: w.registry(), Now: w.clock}.Move(t.Context(), moveInput(newServer(old.Fencing, 2), w.clock()))
	wants(t, err, fault.LeaseLost)
	if got != (Recovered{}) || w.tenant().VPS != before.VPS {
		t.Errorf("moved %+v", got)
	}
}

// The state machine writes the move and the execution side by side, and reads the answer's members side by side.
func TestMoveInputIsOneFlatObject(t *testing.T) {
	want := moveInput(newServer(3, 2), time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC))
	move, err := json.Marshal(want.Move)
	if err != nil {
		t.Fatal(err)
	}
	payload := string(move[:len(move)-1]) +
		`,"execution":{"arn":"` + arn("one") + `","started_at":"2026-11-24T06:00:00Z","state":"MoveTenant"}}`
	var got MoveInput
	if err := strictjson.Unmarshal([]byte(payload), &got); err != nil {
		t.Fatal(err)
	}
	if got != want || got.Validate() != nil {
		t.Errorf("read %+v, %v", got, got.Validate())
	}
	answer, err := json.Marshal(Recovered{Moved: Moved{"acme", 2}, RecoverySeconds: 1.5})
	if err != nil || string(answer) != `{"tenant_id":"acme","generation":2,"recovery_seconds":1.5}` {
		t.Errorf("the answer is %s, %v", answer, err)
	}
}

func TestMoveInputIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*MoveInput){
		"no lease":     func(in *MoveInput) { in.Fencing = 0 },
		"no host key":  func(in *MoveInput) { in.HostKey = "" },
		"no execution": func(in *MoveInput) { in.Execution.ARN = "" },
		"no start":     func(in *MoveInput) { in.Execution.StartedAt = time.Time{} },
	} {
		in := moveInput(newServer(1, 2), time.Unix(1, 0))
		if err := in.Validate(); err != nil {
			t.Fatal(err)
		}
		if spoil(&in); in.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestOpenKeepsItsConfiguration(t *testing.T) {
	for _, loopback := range []bool{false, true} {
		r := Open(aws.Config{Region: "eu-central-1"}, Config{Table: "registry", Loopback: loopback})
		client, ok := r.Database.(*dynamodb.Client)
		if !ok || client.Options().Region != "eu-central-1" || r.Table != "registry" || r.Addresses.Loopback != loopback {
			t.Errorf("opened %+v", r)
		}
	}
}
