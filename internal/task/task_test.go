package task

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

type fake struct {
	name string
	err  error
	log  func(string)
}

func (f fake) String() string { return f.name }

func (f fake) Run(ctx context.Context) error {
	if f.err != nil {
		return f.err
	}
	<-ctx.Done()
	f.log(f.name)
	return nil
}

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended []string
		log := func(s string) { ended = append(ended, s) }
		g := NewGroup()
		stopA := g.Start(fake{name: "a", log: log})
		g.Start(fake{name: "b", log: log})
		stopA()
		if len(ended) != 1 || ended[0] != "a" {
			t.Fatalf("ended: %v, want a alone", ended)
		}
		boom := errors.New("boom")
		g.Start(fake{name: "c", err: boom})
		if err := <-g.Failed(); !errors.Is(err, boom) || err.Error() != "c: boom" {
			t.Errorf("%v", err)
		}
		g.Stop()
		if len(ended) != 2 || ended[1] != "b" {
			t.Errorf("ended: %v", ended)
		}
		stopA() // a second time does no harm
	})
}
