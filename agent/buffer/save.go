package buffer

import (
	"errors"
	"time"

	"github.com/wayside-tracing/wayside/disklog"
)

// dueToSave is when positions are to be saved.
func (k *keeper) dueToSave(now time.Time) time.Duration {
	k.lane.mu.Lock()
	acks := k.disk.takeAcks()
	k.lane.mu.Unlock()
	k.ack(acks)
	if !k.unsynced && !k.acked {
		return never
	}
	return max(k.saved.Add(saveEvery).Sub(now), k.resave.Sub(now))
}

// ack tells the logs what is done with.
func (k *keeper) ack(acks []ack) {
	for _, a := range acks {
		a.log.Ack(a.first, a.last)
		k.acked = true
	}
}

// save syncs what is written and saves how far delivery has come.
func (k *keeper) save() {
	k.saved = time.Now()
	err := k.open()
	if k.own != nil && k.unsynced {
		err = errors.Join(err, k.sync())
	}
	err = errors.Join(err, k.savePositions()) // what it frees a full disk needs
	k.resave = time.Time{}
	if err == nil {
		k.acked = false
	} else {
		k.resave = k.saved.Add(retryAfter)
	}
	k.forgetAdopted()
	k.noteUsed()
	k.lane.mu.Lock()
	if err != nil || k.disk.failure == nil {
		k.state(err)
	}
	k.lane.mu.Unlock()
}

// savePositions saves how far delivery has come, and removes what is done with.
func (k *keeper) savePositions() (err error) {
	for _, a := range k.adopted {
		err = errors.Join(err, a.log.SavePosition())
	}
	if k.own != nil {
		err = errors.Join(err, k.own.SavePosition())
	}
	return err
}

func (k *keeper) noteUsed() {
	used := k.used()
	k.lane.mu.Lock()
	k.disk.used = used
	k.lane.mu.Unlock()
}

// used is what all logs take.
func (k *keeper) used() (u usage) {
	if k.own != nil {
		u.add(k.own.Stats())
	}
	for _, a := range k.adopted {
		u.add(a.log.Stats())
	}
	return u
}

func (u *usage) add(s disklog.Stats) {
	u.bytes += s.Bytes
	u.segments += s.Segments
}
