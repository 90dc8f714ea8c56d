//! How a trace is to look, by how its order ends.

pub(super) const CONFIRMED: &str = "\
POST /v1/orders SERVER gateway
  send orders.intake PRODUCER gateway
    process orders.intake CONSUMER order [batch]
      order.create order
        send orders.events PRODUCER order
          process orders.events CONSUMER inventory [batch]
            inventory.reserve inventory
              send inventory.events PRODUCER inventory
                process inventory.events CONSUMER payment [batch]
                  payment.process payment
                    payment.gateway.call CLIENT payment
                    send payments.events PRODUCER payment
                      process payments.events CONSUMER inventory [batch]
                        inventory.confirm inventory
                          send inventory.events PRODUCER inventory
                            process inventory.events CONSUMER order [batch]
                              order.update_status order
                                send orders.events PRODUCER order
                      process payments.events CONSUMER order [batch]
                        order.update_status order
";

pub(super) const DECLINED: &str = "\
POST /v1/orders SERVER gateway
  send orders.intake PRODUCER gateway
    process orders.intake CONSUMER order [batch]
      order.create order
        send orders.events PRODUCER order
          process orders.events CONSUMER inventory [batch]
            inventory.reserve inventory
              send inventory.events PRODUCER inventory
                process inventory.events CONSUMER payment [batch]
                  payment.process payment !card_declined
                    payment.gateway.call CLIENT payment
                    send payments.events PRODUCER payment
                      process payments.events CONSUMER inventory [batch]
                        inventory.release inventory
                          send inventory.events PRODUCER inventory
                      process payments.events CONSUMER order [batch]
                        order.update_status order
                          send orders.events PRODUCER order
                            process orders.events CONSUMER inventory [batch]
                            process orders.events CONSUMER payment [batch]
";

/// After [`CONFIRMED`].
pub(super) const REFUNDED: &str = "                  payment.refund payment [request]
                    payment.gateway.call CLIENT payment
                    send payments.events PRODUCER payment
                      process payments.events CONSUMER inventory [batch]
                        inventory.release inventory
                          send inventory.events PRODUCER inventory
                      process payments.events CONSUMER order [batch]
                        order.update_status order
                          send orders.events PRODUCER order
                            process orders.events CONSUMER inventory [batch]
                            process orders.events CONSUMER payment [batch]
";

/// While nobody takes payments.
pub(super) const CANCELLED: &str = "\
POST /v1/orders SERVER gateway
  send orders.intake PRODUCER gateway
    process orders.intake CONSUMER order [batch]
      order.create order
        send orders.events PRODUCER order
          process orders.events CONSUMER inventory [batch]
            inventory.reserve inventory
              send inventory.events PRODUCER inventory
      order.update_status order [request]
        send orders.events PRODUCER order
          process orders.events CONSUMER inventory [batch]
            inventory.release inventory
              send inventory.events PRODUCER inventory
";

/// What follows from a cancellation comes in on another topic than the payment that failed: whichever inventory sees first
/// releases the goods, and the other finds nothing left to do.
pub(super) fn released_by_the_cancellation(tree: &str) -> String {
    let (released, failed, cancelled) = (
        "                        inventory.release inventory\n                          send inventory.events PRODUCER inventory\n",
        "                      process payments.events CONSUMER inventory [batch]\n",
        "                            process orders.events CONSUMER inventory [batch]\n",
    );
    let moved: String = released.lines().map(|line| format!("      {line}\n")).collect();
    assert!(tree.contains(&format!("{failed}{released}")) && tree.contains(cancelled), "{tree}");
    tree.replace(released, "").replace(cancelled, &format!("{cancelled}{moved}"))
}
