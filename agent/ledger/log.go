package ledger

import "log/slog"

// LogValue is the account as the last line of a log has it: the sides of the
// equation, and of the rest what is not zero.
func (a Account) LogValue() slog.Value {
	list := []slog.Attr{
		slog.Uint64("accepted", a.Accepted),
		slog.Uint64("recovered", a.Recovered),
		slog.Uint64("delivered", a.Delivered),
		slog.Uint64("buffered", a.Buffered),
		slog.Uint64("dropped", a.Dropped.Sum()),
	}
	add := func(name string, n uint64) {
		if n != 0 {
			list = append(list, slog.Uint64(name, n))
		}
	}
	for r, n := range a.Dropped.All {
		add("dropped_"+r.String(), n)
	}
	for r, n := range a.Refused.All {
		add("refused_"+r.String(), n)
	}
	add("kernel_drops", a.KernelDrops)
	add("client_full_queue", a.ClientReported.FullQueue)
	add("client_too_large", a.ClientReported.TooLarge)
	add("client_send_failure", a.ClientReported.SendFailure)
	add("client_gaps", a.ClientReported.Gaps)
	return slog.GroupValue(list...)
}
