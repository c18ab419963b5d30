package main

import (
	"testing"
	"time"
)

func TestProcessors(t *testing.T) {
	p := processors{least: 1, most: 3, now: 1}
	for i, step := range []struct {
		used float64 // processors
		in   time.Duration
		want int
	}{
		{0.1, time.Second, 1},
		{0.5, time.Second, 1},
		{0.9, time.Second, 2},
		{1.1, time.Second, 2},
		{1.9, time.Second, 3},
		{3, time.Second, 3},
		{0.1, lowFor - time.Second, 3},
		{0.1, time.Second, 2},
		{0.1, lowFor - time.Second, 2},
		{0.5, time.Second, 2}, // not few any more: it counts anew
		{0.1, lowFor - time.Second, 2},
		{0.1, time.Second, 1},
		{0.1, 2 * lowFor, 1},
	} {
		was := p.now
		changed := p.adapt(time.Duration(step.used*float64(step.in)), step.in)
		if p.now != step.want || changed != (p.now != was) {
			t.Errorf("step %d: %d processors, changed %v; want %d", i, p.now, changed, step.want)
		}
	}
}

func TestCPUTime(t *testing.T) {
	before := cpuTime()
	for cpuTime() == before { // to ask takes some, too
	}
}
