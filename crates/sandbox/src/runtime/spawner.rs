//! A thread that starts processes and lives as long as the runtime.
//!
//! `setpriv --pdeathsig` acts when the *thread* that started a process ends. Threads of an executor come and go.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Order {
    command: Command,
    executor: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Processes that it started end with it.
pub(super) struct Spawner {
    orders: mpsc::Sender<Order>,
}

impl Spawner {
    pub(super) fn new() -> io::Result<Spawner> {
        let (orders, received) = mpsc::channel::<Order>();
        thread::Builder::new().name("functions".to_owned()).spawn(move || {
            for mut order in received {
                let _entered = order.executor.enter();
                // Nobody waiting for it any more: the child is dropped, and thereby killed.
                let _ = order.reply.send(order.command.spawn());
            }
        })?;
        Ok(Spawner { orders })
    }

    pub(super) async fn spawn(&self, command: Command) -> io::Result<Child> {
        let (reply, answer) = oneshot::channel();
        let order = Order {
            command,
            executor: Handle::current(),
            reply,
        };
        self.orders
            .send(order)
            .map_err(|_| io::Error::other("the thread that starts functions is gone"))?;
        answer
            .await
            .map_err(|_| io::Error::other("the thread that starts functions is gone"))?
    }
}
