package jaegerthrift

import (
	"github.com/wayside-tracing/wayside/wire/jaeger"
	"github.com/wayside-tracing/wayside/wire/thrift"
)

// The structs of jaeger.thrift, for those who send. The transcoder makes none
// of them.

// Batch is what one packet carries.
type Batch struct {
	Process Process
	Spans   []Span
	SeqNo   *int64       // written if it is there
	Stats   *ClientStats // written if it is there
}

// Process is what sends the spans.
type Process struct {
	ServiceName string
	Tags        []Tag // not written if there are none
}

// Span is one span. Times are in microseconds, since the epoch where they are
// points in time.
type Span struct {
	TraceIDLow    uint64
	TraceIDHigh   uint64
	SpanID        uint64
	ParentSpanID  uint64
	OperationName string
	References    []SpanRef // not written if there are none
	Flags         int32     // 1 sampled, 2 debug
	StartTime     int64
	Duration      int64
	Tags          []Tag // not written if there are none
	Logs          []Log // not written if there are none
}

// SpanRef is a span's reference to another.
type SpanRef struct {
	RefType     RefType
	TraceIDLow  uint64
	TraceIDHigh uint64
	SpanID      uint64
}

// RefType is what a reference means.
type RefType = jaeger.RefType

// The types of a reference.
const (
	ChildOf     = jaeger.ChildOf
	FollowsFrom = jaeger.FollowsFrom
)

// Log is something that happened within a span.
type Log struct {
	Timestamp int64 // microseconds since the epoch
	Fields    []Tag
}

// Tag is a key with a value. Of the values the one that Type names is written.
type Tag struct {
	Key    string
	Type   TagType
	Str    string
	Double float64
	Bool   bool
	Long   int64
	Binary []byte
}

// TagType is the type of a tag's value.
type TagType = jaeger.TagType

// The types of a tag's value.
const (
	TagString = jaeger.TagString
	TagDouble = jaeger.TagDouble
	TagBool   = jaeger.TagBool
	TagLong   = jaeger.TagLong
	TagBinary = jaeger.TagBinary
)

// ClientStats is what a client says of the spans that it lost, counted from
// its start.
type ClientStats struct {
	FullQueueDroppedSpans int64
	TooLargeDroppedSpans  int64
	FailedToEmitSpans     int64
}

// AppendEmitBatch appends the packet that a client sends to the agent: the
// message emitBatch of agent.thrift. Clients send it as Call or as Oneway.
func AppendEmitBatch(dst []byte, e thrift.Encoding, t thrift.MessageType, seqID int32, b *Batch) []byte {
	w := thrift.NewWriter(dst, e)
	w.Message(emitBatch, t, seqID)
	w.Field(0, argsBatch)
	writeBatch(w, b)
	w.Stop()
	return w.Bytes()
}

func writeBatch(w *thrift.Writer, b *Batch) {
	w.Field(0, batchProcess)
	w.Field(0, processServiceName)
	w.String(b.Process.ServiceName)
	writeTags(w, processServiceName, processTags, b.Process.Tags)
	w.Stop()

	w.Field(batchProcess, batchSpans)
	w.List(thrift.Struct, len(b.Spans))
	for i := range b.Spans {
		writeSpan(w, &b.Spans[i])
	}
	after := batchSpans
	if b.SeqNo != nil {
		w.Field(after, batchSeqNo)
		w.I64(*b.SeqNo)
		after = batchSeqNo
	}
	if b.Stats != nil {
		w.Field(after, batchStats)
		w.Field(0, statsFullQueue)
		w.I64(b.Stats.FullQueueDroppedSpans)
		w.Field(statsFullQueue, statsTooLarge)
		w.I64(b.Stats.TooLargeDroppedSpans)
		w.Field(statsTooLarge, statsFailedToEmit)
		w.I64(b.Stats.FailedToEmitSpans)
		w.Stop()
	}
	w.Stop()
}

func writeSpan(w *thrift.Writer, s *Span) {
	w.Field(0, spanTraceIDLow)
	w.I64(int64(s.TraceIDLow))
	w.Field(spanTraceIDLow, spanTraceIDHigh)
	w.I64(int64(s.TraceIDHigh))
	w.Field(spanTraceIDHigh, spanSpanID)
	w.I64(int64(s.SpanID))
	w.Field(spanSpanID, spanParentSpanID)
	w.I64(int64(s.ParentSpanID))
	w.Field(spanParentSpanID, spanOperationName)
	w.String(s.OperationName)
	after := spanOperationName
	if len(s.References) > 0 {
		w.Field(after, spanReferences)
		w.List(thrift.Struct, len(s.References))
		for i := range s.References {
			writeRef(w, &s.References[i])
		}
		after = spanReferences
	}
	w.Field(after, spanFlags)
	w.I32(s.Flags)
	w.Field(spanFlags, spanStartTime)
	w.I64(s.StartTime)
	w.Field(spanStartTime, spanDuration)
	w.I64(s.Duration)
	after = writeTags(w, spanDuration, spanTags, s.Tags)
	if len(s.Logs) > 0 {
		w.Field(after, spanLogs)
		w.List(thrift.Struct, len(s.Logs))
		for i := range s.Logs {
			w.Field(0, logTimestamp)
			w.I64(s.Logs[i].Timestamp)
			w.Field(logTimestamp, logFields)
			writeTagList(w, s.Logs[i].Fields)
			w.Stop()
		}
	}
	w.Stop()
}

func writeRef(w *thrift.Writer, r *SpanRef) {
	w.Field(0, refType)
	w.I32(int32(r.RefType))
	w.Field(refType, refTraceIDLow)
	w.I64(int64(r.TraceIDLow))
	w.Field(refTraceIDLow, refTraceIDHigh)
	w.I64(int64(r.TraceIDHigh))
	w.Field(refTraceIDHigh, refSpanID)
	w.I64(int64(r.SpanID))
	w.Stop()
}

// writeTags writes a field of tags if there are any, and returns the field that
// was written last.
func writeTags(w *thrift.Writer, after, f thrift.Field, tags []Tag) thrift.Field {
	if len(tags) == 0 {
		return after
	}
	w.Field(after, f)
	writeTagList(w, tags)
	return f
}

func writeTagList(w *thrift.Writer, tags []Tag) {
	w.List(thrift.Struct, len(tags))
	for i := range tags {
		writeTag(w, &tags[i])
	}
}

func writeTag(w *thrift.Writer, t *Tag) {
	w.Field(0, tagKey)
	w.String(t.Key)
	w.Field(tagKey, tagVType)
	w.I32(int32(t.Type))
	switch t.Type {
	case TagString:
		w.Field(tagVType, tagVStr)
		w.String(t.Str)
	case TagDouble:
		w.Field(tagVType, tagVDouble)
		w.Double(t.Double)
	case TagBool:
		w.BoolField(tagVType, tagVBool, t.Bool)
	case TagLong:
		w.Field(tagVType, tagVLong)
		w.I64(t.Long)
	case TagBinary:
		w.Field(tagVType, tagVBinary)
		w.Binary(t.Binary)
	}
	w.Stop()
}
