//! What a database server sends: each of its messages, many times or one of them huge, in the handshake and as an answer.

use super::Production;

/// Every message that a server may send, with a body as short as it may be.
const MESSAGES: [(&str, u8, &[u8]); 22] = [
    ("Authentication", b'R', b"\0\0\0\0"),
    ("BackendKeyData", b'K', b"\0\0\0\x01\0\0\0\x01"),
    ("ParameterStatus", b'S', b"name\0value\0"),
    ("NoticeResponse", b'N', b"SWARNING\0VWARNING\0C01000\0Mno\0\0"),
    ("NotificationResponse", b'A', b"\0\0\0\x01a\0b\0"),
    ("RowDescription", b'T', b"\0\0"),
    ("DataRow", b'D', b"\0\x01\0\0\0\x01x"),
    ("CommandComplete", b'C', b"SELECT 1\0"),
    ("EmptyQueryResponse", b'I', b""),
    ("ErrorResponse", b'E', b"SERROR\0VERROR\0C\0Mno\0\0"),
    ("ReadyForQuery", b'Z', b"I"),
    ("ParseComplete", b'1', b""),
    ("BindComplete", b'2', b""),
    ("CloseComplete", b'3', b""),
    ("NoData", b'n', b""),
    ("PortalSuspended", b's', b""),
    ("ParameterDescription", b't', b"\0\0"),
    ("CopyInResponse", b'G', b"\0\0\0"),
    ("CopyOutResponse", b'H', b"\0\0\0"),
    ("CopyData", b'd', b"x"),
    ("CopyDone", b'c', b""),
    ("NegotiateProtocolVersion", b'v', b"\0\x03\0\0\0\0\0\0"),
];

/// The first byte of an input: whether it is sent instead of the end of the handshake.
const IN_HANDSHAKE: u8 = 1;

pub(super) fn answers() -> Vec<Production> {
    let of = |(name, tag, body): (&'static str, u8, &'static [u8])| {
        [0, IN_HANDSHAKE].into_iter().flat_map(move |phase| {
            let many = Production {
                reader: "postgres",
                name,
                input: Box::new(move |times| [vec![phase], message(tag, body).repeat(times)].concat()),
            };
            let huge = Production {
                reader: "postgres",
                name,
                input: Box::new(move |times| [vec![phase], message(tag, &body.repeat(times))].concat()),
            };
            [many, huge]
        })
    };
    MESSAGES.into_iter().flat_map(of).collect()
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag][..], &length, body].concat()
}
