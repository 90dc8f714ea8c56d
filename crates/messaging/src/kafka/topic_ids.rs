//! The ids of topics. A topic that is deleted and created again has its old name and a new id. librdkafka tells ids by
//! `rd_kafka_DescribeTopics`, which the crate `rdkafka` does not wrap.
#![expect(
    unsafe_code,
    reason = "calls librdkafka's C interface: every pointer is checked, and destroyed by a guard"
)]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use uuid::Uuid;

/// Destroys a pointer of librdkafka at the end of its scope.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Owned<T> {
    fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Result<Self, KafkaError> {
        if pointer.is_null() {
            return Err(KafkaError::AdminOpCreation("librdkafka returned no object".to_owned()));
        }
        Ok(Owned(pointer, destroy))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer is not null, belongs to this guard alone, and `destroy` is its destructor.
        unsafe { (self.1)(self.0) }
    }
}

/// The ids of these topics, of as many as exist. A broker without topic ids tells none. Blocks.
pub(crate) fn topic_ids<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<HashMap<String, Uuid>, KafkaError> {
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(*topic).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX / 2);
    let kafka = client.native_ptr();
    // SAFETY: `kafka` lives as long as `client`, the names as long as `names`; librdkafka copies the names. Each object
    // is destroyed once, by its guard, in the reverse order of creation. The descriptions, their names and their ids
    // belong to `event` and are copied before it is destroyed.
    unsafe {
        let collection = Owned::new(
            rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()),
            rd::rd_kafka_TopicCollection_destroy,
        )?;
        let options = Owned::new(
            rd::rd_kafka_AdminOptions_new(kafka, rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            rd::rd_kafka_AdminOptions_destroy,
        )?;
        let mut reason = [0; 256];
        let set = rd::rd_kafka_AdminOptions_set_request_timeout(
            options.0,
            milliseconds,
            reason.as_mut_ptr(),
            reason.len(),
        );
        check(set)?;
        let queue = Owned::new(rd::rd_kafka_queue_new(kafka), rd::rd_kafka_queue_destroy)?;
        rd::rd_kafka_DescribeTopics(kafka, collection.0, options.0, queue.0);
        let event = rd::rd_kafka_queue_poll(queue.0, milliseconds.saturating_add(1_000));
        if event.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut));
        }
        let event = Owned::new(event, rd::rd_kafka_event_destroy)?;
        check(rd::rd_kafka_event_error(event.0))?;
        let result = rd::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::Fail));
        }
        let mut count = 0;
        let descriptions = rd::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let mut ids = HashMap::with_capacity(count);
        for index in 0..count {
            let description = *descriptions.add(index);
            let error = rd::rd_kafka_TopicDescription_error(description);
            if !error.is_null()
                && rd::rd_kafka_error_code(error) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                continue;
            }
            let (name, id) = (
                rd::rd_kafka_TopicDescription_name(description),
                rd::rd_kafka_TopicDescription_topic_id(description),
            );
            if name.is_null() || id.is_null() {
                continue;
            }
            let id = Uuid::from_u64_pair(
                rd::rd_kafka_Uuid_most_significant_bits(id).cast_unsigned(),
                rd::rd_kafka_Uuid_least_significant_bits(id).cast_unsigned(),
            );
            if !id.is_nil() {
                ids.insert(CStr::from_ptr(name).to_string_lossy().into_owned(), id);
            }
        }
        Ok(ids)
    }
}

fn check(code: RDKafkaRespErr) -> Result<(), KafkaError> {
    match code {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        code => Err(KafkaError::AdminOp(code.into())),
    }
}
