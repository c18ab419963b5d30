// Package task runs what goes on for long: listeners, senders, servers.
package task

import (
	"context"
	"fmt"
	"sync"
)

// A Task is something that goes on until it is told to stop.
type Task interface {
	// Run blocks until ctx is done and the task has ended in order, and then
	// returns nil. An error means that the task could not go on.
	Run(ctx context.Context) error
	// String names the task in logs and errors.
	String() string
}

// Group runs tasks which are stopped together, or one by one.
type Group struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	failed chan error // has room for the first error; later ones are consequences
}

// NewGroup returns a group without tasks.
func NewGroup() *Group {
	ctx, cancel := context.WithCancel(context.Background())
	return &Group{ctx: ctx, cancel: cancel, failed: make(chan error, 1)}
}

// Start runs a task. stop ends this one task and waits for its end.
func (g *Group) Start(t Task) (stop func()) {
	ctx, cancel := context.WithCancel(g.ctx)
	done := make(chan struct{})
	g.wg.Go(func() {
		defer close(done)
		defer cancel()
		if err := t.Run(ctx); err != nil {
			select {
			case g.failed <- fmt.Errorf("%s: %w", t, err):
			default:
			}
		}
	})
	return func() { cancel(); <-done }
}

// Failed gives the error of the first task that could not go on.
func (g *Group) Failed() <-chan error { return g.failed }

// Stop ends all tasks and waits for their end.
func (g *Group) Stop() {
	g.Cancel()
	g.Wait()
}

// Cancel tells all tasks to end.
func (g *Group) Cancel() { g.cancel() }

// Wait waits until all tasks have ended.
func (g *Group) Wait() { g.wg.Wait() }
