// Reacts to each OrderConfirmed once, however often it comes: go run ./react [ENDPOINTS.JSON [FILE]]
// Writes a letter of thanks for each order to a file. Ends when no event has come for 10 s.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"example.org/minuet"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Letter is a line of the file. It is both, the letter and the name of its event: neither is there without the other.
type Letter struct{ Event, OrderID, Text string }

func main() {
	shop, registry, err := minuet.Open(os.Args)
	minuet.Check(err)
	file := "letters.jsonl"
	if len(os.Args) > 2 {
		file = os.Args[2]
	}
	letters := minuet.Must(os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644))
	written := minuet.Must(io.ReadAll(letters))
	written = written[:bytes.LastIndexByte(written, '\n')+1]
	minuet.Check(letters.Truncate(int64(len(written)))) // a torn last line is cut off
	done := map[string]bool{}
	for lines := json.NewDecoder(bytes.NewReader(written)); lines.More(); {
		var letter Letter
		minuet.Check(lines.Decode(&letter))
		done[letter.Event] = true
	}

	kafka := minuet.Must(kgo.NewClient(kgo.SeedBrokers(shop.Kafka), kgo.ConsumerGroup("letters-go"),
		kgo.ConsumeTopics(shop.Prefix+"orders.events"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit()))
	defer kafka.Close()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		records := kafka.PollFetches(ctx).Records()
		cancel()
		if len(records) == 0 {
			return
		}
		for _, record := range records {
			event := minuet.Header(record, "ce_source") + " " + minuet.Header(record, "ce_id")
			if minuet.Header(record, "ce_type") != "minuet.orders.OrderConfirmed.v1" || done[event] {
				continue
			}
			order := minuet.Must(minuet.Decode(context.Background(), registry, record.Value))
			letter := Letter{event, order["order_id"].(string), fmt.Sprintf("Dear %s, thank you for your order.", order["user_id"])}
			minuet.Check(json.NewEncoder(letters).Encode(letter))
			minuet.Check(letters.Sync())
			done[event] = true
			fmt.Println(letter.OrderID, letter.Text)
		}
		// Only now: a crash before it repeats events and loses none.
		minuet.Check(kafka.CommitRecords(context.Background(), records...))
	}
}
