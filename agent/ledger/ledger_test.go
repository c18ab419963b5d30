package ledger

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

// The JSON of a lane is relied on from outside: names, order and nesting.
func TestLaneJSON(t *testing.T) {
	l := Lane{Name: "default", Account: Account{
		Accepted: 1, Recovered: 2, Delivered: 3, Buffered: 4,
		Dropped: Drops{5, 6, 7, 8, 9, 10, 11, 12}, Refused: Refusals{13, 14, 15, 16, 17},
		KernelDrops: 18, ClientReported: ClientReported{19, 20, 21, 22},
	}}
	got, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"default","accepted":1,"recovered":2,"delivered":3,"buffered":4,` +
		`"dropped":{"buffer_full":5,"expired":6,"rejected":7,"invalid":8,"too_big":9,"corrupt":10,"disk_lost":11,"shutdown":12},` +
		`"refused":{"malformed":13,"too_big":14,"buffer_full":15,"overloaded":16,"unimplemented":17},` +
		`"kernel_drops":18,"client_reported":{"full_queue":19,"too_large":20,"send_failure":21,"gaps":22}`
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("got\n%s\nwant it to begin with\n%s", got, want)
	}
	var back Lane
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if back.Account != l.Account {
		t.Errorf("read back: %+v", back.Account)
	}
	if err := json.Unmarshal([]byte(`{"dropped":{"vanished":1}}`), &back); err == nil {
		t.Error("a reason that does not exist was read")
	}
}

func TestCheck(t *testing.T) {
	good := Account{Accepted: 10, Recovered: 5, Delivered: 6, Buffered: 4, Dropped: Drops{Expired: 2, Corrupt: 3}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Account){
		"accepted":  func(a *Account) { a.Accepted++ },
		"recovered": func(a *Account) { a.Recovered++ },
		"delivered": func(a *Account) { a.Delivered++ },
		"buffered":  func(a *Account) { a.Buffered-- },
		"dropped":   func(a *Account) { a.Dropped[Rejected]++ },
	} {
		bad := good
		change(&bad)
		if bad.Check() == nil {
			t.Errorf("%s is off by one and the account adds up", name)
		}
	}
}

func TestLogLineHasWhatIsNotZero(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("ledger", slog.Any("", Account{Accepted: 3, Delivered: 1, Dropped: Drops{Expired: 2}, Refused: Refusals{Malformed: 4}, KernelDrops: 5}))
	const want = " msg=ledger accepted=3 recovered=0 delivered=1 buffered=0 dropped=2 dropped_expired=2 refused_malformed=4 kernel_drops=5\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}
