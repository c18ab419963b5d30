// Package protobuf reads messages in the protobuf encoding (protobuf.dev,
// "Encoding"), field by field, for those who know what the fields mean.
package protobuf
