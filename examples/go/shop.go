// Package minuet has what both programs need: where the shop is, and the registry's framing of Avro.
package minuet

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

type Shop struct {
	Kafka    string `json:"kafka"`
	Registry string `json:"registry"`
	Prefix   string `json:"topic_prefix"`
}

// Open reads endpoints.json, as `make up` writes it.
func Open(args []string) (shop Shop, registry *sr.Client, err error) {
	file := "../../.minuet/endpoints.json"
	if len(args) > 1 {
		file = args[1]
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &shop)
	}
	if err == nil {
		registry, err = sr.NewClient(sr.URLs(shop.Registry))
	}
	return shop, registry, err
}

// Decode reads an event by the schema that it names: a zero byte, the schema's id in 4 bytes, the record.
func Decode(ctx context.Context, registry *sr.Client, value []byte) (record map[string]any, err error) {
	id, data, err := (&sr.ConfluentHeader{}).DecodeID(value)
	if err != nil {
		return nil, err
	}
	found, err := registry.SchemaByID(ctx, id) // a program that reads much keeps what it has parsed
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w", id, err)
	}
	schema, err := avro.Parse(found.Schema)
	if err != nil {
		return nil, err
	}
	return record, avro.Unmarshal(schema, data, &record)
}

// Header is the value of a message's header, empty if there is none.
func Header(record *kgo.Record, name string) string {
	for _, header := range record.Headers {
		if header.Key == name {
			return string(header.Value)
		}
	}
	return ""
}

// Check ends the program if there is an error.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Must is the value, if there is no error.
func Must[T any](value T, err error) T {
	Check(err)
	return value
}
