// Submits an order as an event, and follows it to its end: go run ./submit [ENDPOINTS.JSON]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"example.org/minuet"
	"github.com/google/uuid"
	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	shop, registry, err := minuet.Open(os.Args)
	minuet.Check(err)

	// The schema that the registry has, never one of our own: its subject is the record's full name.
	latest := minuet.Must(registry.SchemaByVersion(ctx, "minuet.orders.OrderSubmitted", -1))
	id := uuid.NewString()
	data := minuet.Must(avro.Marshal(minuet.Must(avro.Parse(latest.Schema.Schema)), map[string]any{
		"order_id": id, "user_id": "ada", "payment_method": "credit_card",
		"lines": []map[string]any{{"sku": "MUG-STONE", "quantity": 2}},
	}))
	submitted := &kgo.Record{
		Topic: shop.Prefix + "orders.intake", Key: []byte(id),
		Value: append(minuet.Must((&sr.ConfluentHeader{}).AppendEncode(nil, latest.ID, nil)), data...),
		Headers: []kgo.RecordHeader{
			{Key: "ce_specversion", Value: []byte("1.0")},
			{Key: "ce_id", Value: []byte(uuid.NewString())},
			{Key: "ce_type", Value: []byte("minuet.orders.OrderSubmitted.v1")},
			{Key: "ce_source", Value: []byte("examples/go")},
			{Key: "content-type", Value: []byte("application/avro")},
		},
	}
	// Without a group, from the beginning: it reads past what others ordered.
	kafka := minuet.Must(kgo.NewClient(kgo.SeedBrokers(shop.Kafka), kgo.ConsumeTopics(shop.Prefix+"orders.events"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())))
	defer kafka.Close()
	minuet.Must(kafka.ProduceSync(ctx, submitted).First())
	fmt.Println("submitted", id)

	for ctx.Err() == nil {
		for _, record := range kafka.PollFetches(ctx).Records() {
			if string(record.Key) != id {
				continue
			}
			kind := strings.Split(minuet.Header(record, "ce_type"), ".")[2]
			fmt.Println(kind, minuet.Must(minuet.Decode(ctx, registry, record.Value)))
			switch kind {
			case "OrderConfirmed", "OrderCancelled", "OrderFailed", "OrderRejected":
				return
			}
		}
	}
	log.Fatal("the order has not ended after a minute")
}
