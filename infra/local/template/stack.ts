/** A stack with its names given: what `Ref` and `Fn::GetAtt` of each resource are on this machine. */
import { createHash } from "node:crypto";
import type { Assembly } from "./assembly.ts";
import { TemplateError } from "./errors.ts";
import { resolveCondition, resolveValue, type Scope } from "./intrinsics.ts";
import { isRecord, type Node } from "./values.ts";

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

export interface Resource {
  readonly logicalId: string;
  readonly type: string;
  /** The resolved properties. */
  readonly properties: Node;
}

/** What the resources of one type are called. `name` is the property that a template may set. */
interface Naming {
  readonly ref: (own: Own) => string;
  readonly attributes: Readonly<Record<string, (own: Own) => string>>;
}

interface Own {
  /** The physical name: the one in the template, or made of stack name and logical id. */
  readonly name: (property: string, limit: number, suffix?: string) => string;
  /** Whether the template sets a property to true. */
  readonly has: (property: string) => boolean;
  /** Ten letters and digits, as API Gateway's ids. */
  readonly id: string;
}

const arn = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
const byId: Naming = { ref: (own) => own.id, attributes: {} };

const table: Naming = {
  ref: (own) => own.name("TableName", 255),
  attributes: { Arn: (own) => arn("dynamodb", `table/${own.name("TableName", 255)}`) },
};

/** What CloudFormation names a FIFO queue ends as it must. */
const queueName = (own: Own): string => own.name("QueueName", 80, own.has("FifoQueue") ? ".fifo" : "");
const queueUrl = (own: Own): string => `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${queueName(own)}`;

const NAMING: Readonly<Record<string, Naming>> = {
  "AWS::Lambda::Function": {
    ref: (own) => own.name("FunctionName", 64),
    attributes: { Arn: (own) => arn("lambda", `function:${own.name("FunctionName", 64)}`) },
  },
  "AWS::Lambda::Permission": byId,
  "AWS::Lambda::EventInvokeConfig": byId,
  "AWS::Lambda::EventSourceMapping": { ref: (own) => own.id, attributes: { Id: (own) => own.id } },
  "AWS::IAM::Role": {
    ref: (own) => own.name("RoleName", 64),
    attributes: { Arn: (own) => `arn:aws:iam::${ACCOUNT}:role/${own.name("RoleName", 64)}` },
  },
  "AWS::IAM::Policy": { ref: (own) => own.name("PolicyName", 128), attributes: {} },
  "AWS::DynamoDB::Table": table,
  "AWS::DynamoDB::GlobalTable": table,
  "AWS::ApiGatewayV2::Api": {
    ref: (own) => own.id,
    attributes: {
      ApiId: (own) => own.id,
      ApiEndpoint: (own) => `wss://${own.id}.execute-api.${REGION}.amazonaws.com`,
    },
  },
  "AWS::ApiGatewayV2::Stage": { ref: (own) => own.name("StageName", 128), attributes: {} },
  "AWS::ApiGatewayV2::Route": { ref: (own) => own.id, attributes: { RouteId: (own) => own.id } },
  "AWS::ApiGatewayV2::Integration": { ref: (own) => own.id, attributes: { IntegrationId: (own) => own.id } },
  "AWS::ApiGatewayV2::Authorizer": { ref: (own) => own.id, attributes: { AuthorizerId: (own) => own.id } },
  "AWS::ApiGatewayV2::RouteResponse": byId,
  "AWS::ApiGatewayV2::IntegrationResponse": byId,
  "AWS::ApiGatewayV2::Deployment": { ref: (own) => own.id, attributes: { DeploymentId: (own) => own.id } },
  "AWS::Scheduler::Schedule": {
    ref: (own) => own.name("Name", 64),
    attributes: { Arn: (own) => arn("scheduler", `schedule/default/${own.name("Name", 64)}`) },
  },
  "AWS::Events::Rule": {
    ref: (own) => own.name("Name", 64),
    attributes: { Arn: (own) => arn("events", `rule/${own.name("Name", 64)}`) },
  },
  "AWS::SQS::Queue": {
    ref: queueUrl,
    attributes: { Arn: (own) => arn("sqs", queueName(own)), QueueName: queueName, QueueUrl: queueUrl },
  },
  "AWS::SQS::QueuePolicy": byId,
  // Nobody is alarmed here.
  "AWS::CloudWatch::Alarm": {
    ref: (own) => own.name("AlarmName", 255),
    attributes: { Arn: (own) => arn("cloudwatch", `alarm:${own.name("AlarmName", 255)}`) },
  },
  // The role with which API Gateway writes logs, which are not written here.
  "AWS::ApiGateway::Account": byId,
  "AWS::Logs::LogGroup": {
    ref: (own) => own.name("LogGroupName", 512),
    attributes: { Arn: (own) => arn("logs", `log-group:${own.name("LogGroupName", 512)}:*`) },
  },
  // What CDK tells AWS about itself: nothing to run.
  "AWS::CDK::Metadata": byId,
};

export class Stack {
  readonly name: string;
  readonly #template: Readonly<Record<string, unknown>>;
  /** What is being resolved, to tell a circle from a chain. */
  readonly #open = new Set<string>();

  constructor(assembly: Assembly) {
    this.name = assembly.stackName;
    this.#template = assembly.template;
  }

  /** All resources that exist (their Condition holds), resolved. Throws on a type that the local cloud does not run. */
  resources(): Resource[] {
    const scope = this.#scope();
    const found: Resource[] = [];
    for (const [logicalId, declared] of Object.entries(this.#section("Resources"))) {
      const where = `Resources.${logicalId}`;
      const { type, condition } = declaration(declared, where);
      if (condition !== undefined && !scope.condition(condition, where)) continue;
      if (NAMING[type] === undefined) {
        throw new TemplateError(where, `the local cloud cannot run a resource of type ${type}`);
      }
      const properties = isRecord(declared) ? declared.Properties : undefined;
      const value = resolveValue(properties ?? {}, scope, `${where}.Properties`);
      if (!isRecord(value)) throw new TemplateError(`${where}.Properties`, "an object is expected");
      found.push({ logicalId, type, properties: { where: `${where}.Properties`, value } });
    }
    return found;
  }

  outputs(): Record<string, string> {
    const scope = this.#scope();
    const outputs: Record<string, string> = {};
    for (const [name, output] of Object.entries(this.#section("Outputs"))) {
      if (!isRecord(output)) continue;
      const { Condition, Value } = output;
      if (typeof Condition === "string" && !scope.condition(Condition, `Outputs.${name}`)) continue;
      outputs[name] = String(resolveValue(Value, scope, `Outputs.${name}.Value`));
    }
    return outputs;
  }

  /** What `Fn::GetAtt` gives, for those who make an ARN of a resource themselves. */
  attribute(logicalId: string, name: string): string {
    return this.#attribute(logicalId, name, `Resources.${logicalId}`);
  }

  ref(logicalId: string): string {
    const { naming, own } = this.#naming(logicalId, `Resources.${logicalId}`);
    return naming.ref(own);
  }

  #scope(): Scope {
    return {
      ref: (name, where) => this.#ref(name, where),
      attribute: (logicalId, name, where) => this.#attribute(logicalId, name, where),
      condition: (name, where) => this.#condition(name, where),
    };
  }

  #ref(name: string, where: string): unknown {
    switch (name) {
      case "AWS::NoValue":
        return undefined;
      case "AWS::Region":
        return REGION;
      case "AWS::AccountId":
        return ACCOUNT;
      case "AWS::Partition":
        return "aws";
      case "AWS::URLSuffix":
        return "amazonaws.com";
      case "AWS::StackName":
        return this.name;
      case "AWS::StackId":
        return arn("cloudformation", `stack/${this.name}/local`);
      default: {
        const parameter = this.#section("Parameters")[name];
        if (isRecord(parameter) && parameter.Default !== undefined) return parameter.Default;
        if (parameter !== undefined) {
          throw new TemplateError(
            where,
            `the parameter ${name} has no default, and the local cloud asks nobody for a value`,
          );
        }
        const { naming, own } = this.#naming(name, where);
        return naming.ref(own);
      }
    }
  }

  #attribute(logicalId: string, name: string, where: string): string {
    const { naming, own, type } = this.#naming(logicalId, where);
    const attribute = naming.attributes[name];
    if (attribute !== undefined) return attribute(own);
    throw new TemplateError(where, `the local cloud knows no attribute "${name}" of ${logicalId} (${type})`);
  }

  #naming(logicalId: string, where: string): { naming: Naming; own: Own; type: string } {
    const declared = this.#section("Resources")[logicalId];
    if (declared === undefined) {
      throw new TemplateError(where, `there is no resource or parameter called "${logicalId}"`);
    }
    const { type } = declaration(declared, `Resources.${logicalId}`);
    const naming = NAMING[type];
    if (naming === undefined) {
      throw new TemplateError(
        `Resources.${logicalId}`,
        `the local cloud cannot run a resource of type ${type}`,
      );
    }
    const own: Own = {
      name: (property, limit, suffix) => this.#physicalName(logicalId, declared, { property, limit, suffix }),
      has: (property) => {
        const properties = isRecord(declared) ? declared.Properties : undefined;
        return isRecord(properties) && String(properties[property]) === "true";
      },
      id: createHash("sha256")
        .update(`${this.name}/${logicalId}`)
        .digest()
        .toString("base64")
        .replace(/[^A-Za-z0-9]/g, "")
        .toLowerCase()
        .slice(0, 10),
    };
    return { naming, own, type };
  }

  #physicalName(
    logicalId: string,
    declared: unknown,
    {
      property,
      limit,
      suffix = "",
    }: { readonly property: string; readonly limit: number; readonly suffix?: string | undefined },
  ): string {
    const properties = isRecord(declared) ? declared.Properties : undefined;
    const given = isRecord(properties) ? properties[property] : undefined;
    if (given === undefined) return `${this.name}-${logicalId}`.slice(0, limit - suffix.length) + suffix;
    const where = `Resources.${logicalId}.Properties.${property}`;
    if (this.#open.has(where)) throw new TemplateError(where, "its own name depends on it");
    this.#open.add(where);
    try {
      return String(resolveValue(given, this.#scope(), where));
    } finally {
      this.#open.delete(where);
    }
  }

  #condition(name: string, where: string): boolean {
    const definition = this.#section("Conditions")[name];
    if (definition === undefined) throw new TemplateError(where, `there is no condition called "${name}"`);
    return resolveCondition(definition, this.#scope(), `Conditions.${name}`);
  }

  #section(name: string): Readonly<Record<string, unknown>> {
    const section = this.#template[name];
    return isRecord(section) ? section : {};
  }
}

function declaration(declared: unknown, where: string): { type: string; condition: string | undefined } {
  if (!isRecord(declared) || typeof declared.Type !== "string") {
    throw new TemplateError(where, "a resource needs a Type");
  }
  return {
    type: declared.Type,
    condition: typeof declared.Condition === "string" ? declared.Condition : undefined,
  };
}
