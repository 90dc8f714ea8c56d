//! The vectors of Kafka's own `UtilsTest.testMurmur2`.

use minuet_events::partition::{murmur2, shard};

#[test]
fn hashes_as_the_java_client_does() {
    let vectors: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    for (key, hash) in vectors {
        assert_eq!(murmur2(key.as_bytes()), hash.cast_unsigned(), "{key}");
    }
}

#[test]
fn a_shard_is_the_hash_without_its_sign_in_the_number_of_partitions() {
    // -973932308 is 0xc5f2f0ac; without its sign 1173551340.
    assert_eq!(shard(b"21", 8), 1_173_551_340 % 8);
    assert_eq!(shard(b"21", 1_000), 340);
    assert_eq!(shard(b"abc", 1_000), 107);
    assert_eq!(shard(b"21", 1), 0);
    assert_eq!(shard(b"21", 0), 0);
    assert!(shard(b"", 8) < 8);
}
