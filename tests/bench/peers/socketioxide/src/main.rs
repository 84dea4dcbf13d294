//! The ride application on socketioxide.
//!
//!     socketioxide-peer [redis://…]     with Redis: one of several processes, joined by socketioxide-redis

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};

use axum::serve::{Listener, ListenerExt};
use serde_json::Value;
use socketioxide::adapter::Adapter;
use socketioxide::extract::{Data, SocketRef, State};
use socketioxide::socket::Sid;
use socketioxide::SocketIo;
use socketioxide_redis::{RedisAdapter, RedisAdapterCtr};

type ActiveUsers = Arc<Mutex<HashMap<Sid, Value>>>;

/// Packets that may wait for one client before events are dropped; the default of 128 loses some in every burst.
const QUEUE: usize = 4096;

async fn on_message<A: Adapter>(
    io: SocketIo<A>,
    socket: SocketRef<A>,
    Data(payload): Data<String>,
    State(active_users): State<ActiveUsers>,
) {
    let Ok(user) = serde_json::from_str::<Value>(&payload) else {
        return;
    };
    match user["status"].as_str() {
        Some("boarding") => {
            active_users.lock().unwrap().insert(socket.id, user.clone());
            let _ = io.emit("userBoarded", &user).await;
        }
        Some("exiting") => {
            active_users.lock().unwrap().remove(&socket.id);
            let _ = io.emit("userExited", &user).await;
            let _ = socket.disconnect();
        }
        _ => {}
    }
}

async fn on_disconnect<A: Adapter>(socket: SocketRef<A>, State(active_users): State<ActiveUsers>) {
    active_users.lock().unwrap().remove(&socket.id);
}

async fn on_connect<A: Adapter>(socket: SocketRef<A>) {
    socket.on("message", on_message::<A>);
    socket.on_disconnect(on_disconnect::<A>);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let users = ActiveUsers::default();
    let router = axum::Router::new();
    let router = match std::env::args().nth(1) {
        None => {
            let (layer, io) = SocketIo::builder()
                .max_buffer_size(QUEUE)
                .with_state(users)
                .build_layer();
            io.ns("/", on_connect);
            router.layer(layer)
        }
        Some(url) => {
            let client = redis::Client::open(format!("{url}?protocol=resp3"))?;
            let adapter = RedisAdapterCtr::new_with_redis(&client).await?;
            let (layer, io) = SocketIo::builder()
                .max_buffer_size(QUEUE)
                .with_state(users)
                .with_adapter::<RedisAdapter<_>>(adapter)
                .build_layer();
            io.ns("/", on_connect).await?;
            router.layer(layer)
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
