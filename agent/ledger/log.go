package ledger

import "log/slog"

// LogValue is the account as the last line of a log has it: the sides of the
// equation, and of the rest what is not zero, by the names of LostSince. Not all
// of it is in spans (see Account), so it is logged under no key of its own.
func (a Account) LogValue() slog.Value {
	list := []slog.Attr{
		slog.Uint64("accepted", a.Accepted),
		slog.Uint64("recovered", a.Recovered),
		slog.Uint64("delivered", a.Delivered),
		slog.Uint64("buffered", a.Buffered),
		slog.Uint64("dropped", a.Dropped.Sum()),
	}
	for _, attr := range a.LostSince(Account{}) {
		list = append(list, attr.(slog.Attr))
	}
	return slog.GroupValue(list...)
}

// LostSince is what was lost since an earlier copy of the account, in the form
// of arguments for a slog.Logger: a slog.Attr for each number that has grown.
func (a Account) LostSince(before Account) (attrs []any) {
	add := func(name string, now, before uint64) {
		if now > before {
			attrs = append(attrs, slog.Uint64(name, now-before))
		}
	}
	for r, n := range a.Dropped.All {
		add("dropped_"+r.String(), n, before.Dropped[r])
	}
	for r, n := range a.Refused.All {
		add("refused_"+r.String(), n, before.Refused[r])
	}
	now, was := a.ClientReported, before.ClientReported
	add("kernel_drops", a.KernelDrops, before.KernelDrops)
	add("client_full_queue", now.FullQueue, was.FullQueue)
	add("client_too_large", now.TooLarge, was.TooLarge)
	add("client_send_failure", now.SendFailure, was.SendFailure)
	add("client_gaps", now.Gaps, was.Gaps)
	return attrs
}
