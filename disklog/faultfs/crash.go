package faultfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// Crash returns what the disk holds if the power fails now: what was synced,
// and of the rest what rng chooses. The file system itself goes on.
func (f *FS) Crash(rng *rand.Rand) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := maps.Clone(f.disk)
	// Often all or nothing of the rest: in between, the two extremes are rare.
	share := [...]float64{0, 0.5, 0.9, 1}[rng.IntN(4)]
	for _, c := range f.pend {
		if rng.Float64() < share {
			c.apply(names)
		}
	}
	return f.copy(names, func(n *node) []byte { return n.crashed(rng, share) })
}

// Kill returns what is there if only the process ends: everything.
func (f *FS) Kill() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.copy(f.now, func(n *node) []byte { return slices.Clone(n.data) })
}

// copy makes a file system of nodes whose data is on the disk.
func (f *FS) copy(names map[string]*node, data func(*node) []byte) *FS {
	c := New()
	for _, name := range slices.Sorted(maps.Keys(names)) { // the same choices with the same seed
		n := names[name]
		if n.dir {
			c.now[name] = &node{dir: true, mode: n.mode}
			c.disk[name] = c.now[name]
			continue
		}
		c.now[name] = newFile(n.mode, data(n))
		c.now[name].mtime = n.mtime
		c.disk[name] = c.now[name]
	}
	return c
}

// crashed is what is left of a file.
func (n *node) crashed(rng *rand.Rand, share float64) []byte {
	size := len(n.disk)
	if rng.Float64() < share {
		size = len(n.data)
	} else if more := len(n.data) - size; more > 0 && rng.Float64() < share {
		size += rng.IntN(more + 1)
	}
	left := node{data: n.data, disk: slices.Clone(n.disk), dirty: maps.Clone(n.dirty)}
	left.settle(func(int) bool { return rng.Float64() < share }, size)
	return left.disk
}

// settle brings dirty sectors to the disk, those that are chosen.
func (n *node) settle(chosen func(int) bool, size int) {
	if size < len(n.disk) {
		n.disk = n.disk[:size]
	}
	n.disk = append(n.disk, make([]byte, size-len(n.disk))...)
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if from := s * sector; from < min(size, len(n.data)) && chosen(s) {
			copy(n.disk[from:], n.data[from:min(from+sector, len(n.data))])
		}
		delete(n.dirty, s)
	}
}

// fail is what becomes of dirty sectors when they can't be written: they count
// as clean.
func (n *node) fail(err error) {
	for s := range n.dirty {
		delete(n.dirty, s)
		if n.clean[s] = true; evicts(err) {
			n.evict(s)
		}
	}
}

// evict takes a sector out of the cache, so that programs see what the disk has.
func (n *node) evict(s int) {
	delete(n.clean, s)
	if from := s * sector; from < len(n.data) {
		part := n.data[from:min(from+sector, len(n.data))]
		clear(part)
		if from < len(n.disk) {
			copy(part, n.disk[from:])
		}
	}
}
