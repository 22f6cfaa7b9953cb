#![doc = include_str!("../README.md")]

mod callbacks;
mod capabilities;
mod check;
mod client;
mod config;
mod convert;
mod error;
mod options;
mod order;
mod provider;
mod rules;
mod token;
mod wire;

use esign_core::ProviderKind;

pub use callbacks::Notice;
pub use client::{Download, SignicatClient};
pub use config::{
    ClientAuthentication, CreatedMail, Environment, MailText, MethodSetting, Platform, SignicatConfig,
    SmsText,
};
pub use options::{
    DocumentOptions, OrderOptions, PackagingLayout, PackagingOptions, SignicatOptions, TaskOptions,
    UploadOptions,
};
pub use order::{
    Action, Authentication, Delay, Dialog, Form, Language, MethodType, NameValue, Notification,
    NotificationTemplateParams, NotificationType, PackagedDocuments, PackagingTask, Schedule,
    SignatureMethod, SigningOrder, Source, Subject, SubjectAttribute, Task, TaskDocument, Trigger,
};
pub use provider::SignicatProvider;
pub use wire::{
    CreatedDocument, CreatedOrder, CreatedPackage, CreatedTask, DocumentAddresses, PackagingStatus,
    PackagingStatusInfo, TaskEvent, TaskForward, TaskStatus, TaskStatusInfo,
};

/// The kind as written in configuration: `kind = "signicat"`.
pub const KIND: ProviderKind = ProviderKind::new("signicat");
