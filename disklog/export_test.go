package disklog

// WithSalts makes a log choose its salts from a fixed series, so that the same
// test does the same.
func (o Options) WithSalts(seed uint32) Options {
	o.salt = func() uint32 {
		seed = seed*1664525 + 1013904223
		return seed
	}
	return o
}
