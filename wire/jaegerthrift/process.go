package jaegerthrift

import "github.com/wayside-tracing/wayside/wire/thrift"

// process reads a Process.
func (t *Transcoder) process() {
	r := &t.r
	t.w.BeginProcess()
	var service []byte
	have := fieldSet(0)
	for f := r.Next(0); f.Type() != thrift.Stop; f = r.Next(f) {
		switch f {
		case processServiceName:
			service = r.String()
		case processTags:
			t.once(have&bit(f) != 0)
			t.tags()
		default:
			r.Skip(f.Type())
			continue
		}
		have |= bit(f)
	}
	t.require(have, processRequired, "a process without a name")
	t.result.ClientUUID = t.w.EndProcess(service)
}
