package endtoend

import "github.com/wayside-tracing/wayside/wire/thrift"

// emitZipkinBatch is the packet of the span that TestZipkinVersion1 tells in JSON, in the compact encoding (zipkincore.thrift).
func emitZipkinBatch(id uint64) []byte {
	const (
		i16, i32, i64       = thrift.Field(thrift.I16), thrift.Field(thrift.I32), thrift.Field(thrift.I64)
		text, object, array = thrift.Field(thrift.String), thrift.Field(thrift.Struct), thrift.Field(thrift.List)
	)
	w := thrift.NewWriter(nil, thrift.Compact)
	w.Message("emitZipkinBatch", thrift.Oneway, 1)
	w.Field(0, 1<<8|array)
	w.List(thrift.Struct, 1)
	w.Field(0, 1<<8|i64) // trace id
	w.I64(10)
	w.Field(1<<8, 3<<8|text) // name
	w.String("get")
	w.Field(3<<8, 4<<8|i64) // id
	w.I64(int64(id))
	w.Field(4<<8, 5<<8|i64) // parent
	w.I64(9)
	w.Field(5<<8, 6<<8|array) // annotations
	w.List(thrift.Struct, 2)
	w.Field(0, 1<<8|i64)
	w.I64(1_700_000_000_000_000)
	w.Field(1<<8, 2<<8|text)
	w.String("sr")
	w.Field(2<<8, 3<<8|object) // host
	w.Field(0, 1<<8|i32)
	w.I32(10<<24 | 1)
	w.Field(1<<8, 2<<8|i16)
	w.I16(8080)
	w.Field(2<<8, 3<<8|text)
	w.String("old")
	w.Stop()
	w.Stop()
	w.Field(0, 1<<8|i64)
	w.I64(1_700_000_000_001_000)
	w.Field(1<<8, 2<<8|text)
	w.String("cache miss")
	w.Stop()
	w.Field(6<<8, 8<<8|array) // binary annotations
	w.List(thrift.Struct, 2)
	for _, tag := range [][2]string{{"http.path", "/a"}, {"error", "no such item"}} {
		w.Field(0, 1<<8|text)
		w.String(tag[0])
		w.Field(1<<8, 2<<8|text)
		w.String(tag[1])
		w.Field(2<<8, 3<<8|i32) // a string
		w.I32(6)
		w.Stop()
	}
	w.Field(8<<8, 10<<8|i64) // start
	w.I64(1_700_000_000_000_000)
	w.Field(10<<8, 11<<8|i64) // duration
	w.I64(5000)
	w.Stop()
	w.Stop()
	return w.Bytes()
}
