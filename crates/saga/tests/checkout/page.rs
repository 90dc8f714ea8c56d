use minuet_saga::page::Page;

use crate::checkout::{Kind, saga};

#[test]
fn the_page_shows_the_happy_path_the_compensations_and_the_tables() {
    let page = Page {
        title: "Checkout",
        introduction: "A customer pays by wallet.",
        first: Kind::CheckoutStarted,
        outside: "the website",
    };
    let text = page.render(&saga());
    let has = |part: &str| assert!(text.contains(part), "{part}\nis missing in\n{text}");
    assert!(text.starts_with("# Checkout\n\nA customer pays by wallet.\n\n## Legend\n"));
    has("\
sequenceDiagram
    participant outside as the website
    participant checkout
    participant wallet
    outside->>checkout: CheckoutStarted
    Note over checkout: unknown → waiting
    checkout->>wallet: PaymentRequested
    Note over wallet: unknown → debited
    wallet->>checkout: WalletDebited
    Note over checkout: waiting → paid
");
    has("    by_deadline -->|\"checkout: waiting → cancelled\"| CheckoutCancelled\n");
    has("| CheckoutStarted | checkout.intake | website | checkout | next step |\n");
    has("| CheckoutCancelled | checkout.events | checkout | wallet | compensation |\n");
    has("    debited --> returned : CheckoutCancelled\n");
    has("| debited | terminal, unless CheckoutCancelled | money |\n");
    has("| PaymentRequested | unknown | debited or refused | WalletDebited or WalletRefused |\n");
    has("| PaymentRequested | debited, refused, returned | a checkout asks for its payment once |\n");
}
