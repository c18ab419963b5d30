package control

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wayside-tracing/wayside/wire/sampling"
)

// turn asks several sources, the one that answered last first.
type turn struct {
	all  []string
	last atomic.Int32 // index of that
}

// each asks until one answers. All have the same part of the time that ctx
// leaves; the error is the last one's.
func (t *turn) each(ctx context.Context, ask func(context.Context, string) (*sampling.Strategy, error)) (s *sampling.Strategy, err error) {
	first := int(t.last.Load())
	for i := range t.all {
		at := (first + i) % len(t.all)
		one, cancel := context.WithTimeout(ctx, askTimeout/time.Duration(len(t.all)))
		s, err = ask(one, t.all[at])
		cancel()
		if err == nil {
			t.last.Store(int32(at))
			return s, nil
		}
		if len(t.all) > 1 {
			err = named(t.all[at], err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// named says whose error it is, and keeps what sort it is of.
func named(source string, err error) error {
	if no, ok := errors.AsType[noStrategy](err); ok {
		return noStrategy{fmt.Errorf("%s: %w", source, no.error)}
	}
	return fmt.Errorf("%s: %w", source, err)
}
