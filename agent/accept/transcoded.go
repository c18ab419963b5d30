package accept

import (
	"sync"

	"github.com/wayside-tracing/wayside/agent/ledger"
	"github.com/wayside-tracing/wayside/wire/jaeger"
)

// transcoder turns a request into frames, with memory of its own. If put is not
// nil, it is given the frames one by one.
type transcoder func(request []byte, put func(frame []byte, spans int) error) (jaeger.Result, error)

// transcoded takes in requests that are no OTLP. What is wrong with one span costs
// that one, which is counted; the others are taken, all or none.
type transcoded struct {
	new   func() transcoder
	idle  sync.Pool   // of transcoder
	large *sync.Mutex // lets one request over largeRequest at a time become frames
}

// largeRequest is in bytes. What a smaller one becomes, a few times as much at
// worst, is held as a whole, so that one frame is put as it is; a larger one is
// put frame by frame, and takes the memory of about two, whatever is in it.
const largeRequest = quickRequest

func (t *transcoded) take(lane Lane, request []byte) (spans int, err error) {
	if len(request) > largeRequest {
		t.large.Lock()
		defer t.large.Unlock()
	}
	transcode, ok := t.idle.Get().(transcoder)
	if !ok {
		transcode = t.new()
	}
	defer t.idle.Put(transcode)
	var res jaeger.Result
	if len(request) > largeRequest {
		err = lane.AnsweredAll(len(request), func(put func([]byte, int) error) (err error) {
			res, err = transcode(request, put)
			return err
		})
	} else if res, err = transcode(request, nil); err == nil {
		err = enter(lane, len(request), res)
	}
	if err != nil {
		return 0, err
	}
	if left := (ledger.LeftOut{Invalid: res.Invalid, TooBig: res.TooBig}); left != (ledger.LeftOut{}) {
		lane.LeftOut(left)
	}
	return res.Spans, nil
}

// enter puts the frames of a request of size bytes into a lane.
func enter(lane Lane, size int, res jaeger.Result) error {
	switch len(res.Frames) {
	case 0:
		return nil
	case 1:
		return lane.Answered(res.Frames[0].Bytes, res.Frames[0].Spans)
	}
	return lane.AnsweredAll(size, func(put func([]byte, int) error) error {
		for _, f := range res.Frames {
			if err := put(f.Bytes, f.Spans); err != nil {
				return err
			}
		}
		return nil
	})
}
